"""Whatever a question gives comes out in the types that the frames have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

import pandas as pd
import pytest

from ocinb.catalog.catalog import Catalog

NEW_YEAR = pd.Timestamp("2025-01-01", tz="UTC")


@pytest.fixture(scope="module")
def catalog() -> Iterator[Catalog]:
    with Catalog() as one:
        yield one


@pytest.mark.parametrize(
    "value",
    [
        "DATE '2025-01-01'",
        "TIMESTAMP '2025-01-01 00:00:00'",
        "TIMESTAMP_S '2025-01-01 00:00:00'",
        "TIMESTAMP_MS '2025-01-01 00:00:00'",
        "TIMESTAMP_NS '2025-01-01 00:00:00'",
        "TIMESTAMPTZ '2025-01-01 02:00:00+02'",
    ],
)
def test_every_kind_of_time_is_in_utc(catalog: Catalog, value: str) -> None:
    column = catalog.sql(f"SELECT {value} AS moment UNION ALL SELECT NULL")["moment"]
    assert str(column.dtype) == "datetime64[us, UTC]"
    assert column.dropna().tolist() == [NEW_YEAR]
    assert column.isna().sum() == 1


def test_enumerations_are_text(catalog: Catalog) -> None:
    column = catalog.sql("SELECT 'b'::ENUM('a', 'b') AS letter")["letter"]
    assert str(column.dtype) == "str"
    assert column.tolist() == ["b"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("10::DECIMAL(38, 0)", 10),
        ("12345678901234567890123456789012345678::DECIMAL(38, 0)", 12345678901234567890123456789012345678),
        ("9007199254740993::DECIMAL(18, 0)", 2**53 + 1),
        ("(2::BIGNUM)", 2),
        ("[9007199254740993::HUGEINT, NULL]", [2**53 + 1, None]),
        ("[[9007199254740993::HUGEINT], [], NULL]", [[2**53 + 1], [], None]),
        ("[1::UBIGINT]", [1]),
        ("[1, 2]::INTEGER[2]", [1, 2]),
        ("[1, 2]::HUGEINT[2]", [1, 2]),
        ("9223372036854775807::HUGEINT", 2**63 - 1),
        ("9223372036854775808::HUGEINT", 2**63),
        ("(-9223372036854775809)::HUGEINT", -(2**63) - 1),
    ],
)
def test_whole_numbers_of_any_size_are_whole(catalog: Catalog, expression: str, value: object) -> None:
    column = catalog.sql(f"SELECT {expression} AS x UNION ALL SELECT NULL")["x"]
    answer, missing = column.tolist()
    assert repr(answer) == repr(value), "and not 10.0"
    assert pd.isna(missing)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("2020-01-01 00:00:00.123456789", "2020-01-01 00:00:00.123456"),
        ("2019-12-31 23:59:59.999999999", "2019-12-31 23:59:59.999999"),
        ("1969-12-31 23:59:59.999999999", "1969-12-31 23:59:59.999999"),
        ("1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"),
        ("1677-09-22 00:00:00.000000001", "1677-09-22 00:00:00"),
        ("2262-04-11 23:47:16.854775806", "2262-04-11 23:47:16.854775"),
    ],
)
@pytest.mark.parametrize(("kind", "zone"), [("TIMESTAMP_NS", ""), ("TIMESTAMPTZ_NS", "+00")])
def test_digits_below_microseconds_are_cut(catalog: Catalog, kind: str, zone: str, written: str, told: str) -> None:
    moment = pd.Timestamp(told, tz="UTC")
    column = catalog.sql(f"SELECT {kind} '{written}{zone}' AS moment UNION ALL SELECT NULL")["moment"]
    assert str(column.dtype) == "datetime64[us, UTC]"
    assert column.dropna().tolist() == [moment]
    answer = catalog.sql(f"SELECT [[{kind} '{written}{zone}', NULL], [], NULL] AS moments")["moments"][0]
    assert answer == [[moment, None], [], None]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[TIMESTAMP '2025-01-01']", [NEW_YEAR]),
        ("[TIMESTAMP '2025-01-01', NULL]", [NEW_YEAR, None]),
        ("[TIMESTAMPTZ '2025-01-01 02:00:00+02']", [NEW_YEAR]),
        ("[DATE '2025-01-01']", [NEW_YEAR]),
        ("[TIMESTAMP_S '2025-01-01']", [NEW_YEAR]),
        ("[[DATE '2025-01-01'], NULL]::DATE[1][2]", [[NEW_YEAR], None]),
        ("[]::TIMESTAMPTZ[]", []),
    ],
)
def test_times_in_lists_are_in_utc_too(catalog: Catalog, expression: str, value: list[Any]) -> None:
    answer, missing = catalog.sql(f"SELECT {expression} AS x UNION ALL SELECT NULL")["x"].tolist()
    assert answer == value
    assert [one.tzinfo for one in answer if isinstance(one, pd.Timestamp)] == [UTC] * (value[:1] == [NEW_YEAR])
    assert missing is None


def test_times_in_lists_that_python_does_not_know(catalog: Catalog) -> None:
    [far] = catalog.sql("SELECT ['290000-01-01'::TIMESTAMP] AS x")["x"][0]
    assert (far.year, far.tzinfo) == (290000, UTC)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("['a', NULL]::ENUM('a', 'b')[]", ["a", None]),
        ("[['a'], []]::ENUM('a', 'b[]')[][]", [["a"], []]),
        ("['b[]']::ENUM('a', 'b[]')[1]", ["b[]"]),
    ],
)
def test_enumerations_in_lists_are_text(catalog: Catalog, expression: str, value: list[Any]) -> None:
    assert catalog.sql(f"SELECT {expression} AS x")["x"].tolist() == [value]


def test_decimals_are_floating_point(catalog: Catalog) -> None:
    column = catalog.sql("SELECT 1.25::DECIMAL(10, 2) AS x UNION ALL SELECT NULL")["x"]
    assert (column[0], str(column.dtype)) == (1.25, "float64")


def test_duckdb_draws_no_bars_of_its_own(catalog: Catalog) -> None:
    assert catalog.sql("SELECT current_setting('enable_progress_bar') AS drawn")["drawn"].tolist() == [False]
