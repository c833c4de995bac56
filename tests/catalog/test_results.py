"""Whatever a question gives comes out in the types that the frames have."""

from __future__ import annotations

from collections.abc import Iterator

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
    ],
)
def test_whole_numbers_of_any_size_are_whole(catalog: Catalog, expression: str, value: object) -> None:
    column = catalog.sql(f"SELECT {expression} AS x UNION ALL SELECT NULL")["x"]
    answer, missing = column.tolist()
    assert repr(answer) == repr(value), "and not 10.0"
    assert pd.isna(missing)


def test_decimals_are_floating_point(catalog: Catalog) -> None:
    column = catalog.sql("SELECT 1.25::DECIMAL(10, 2) AS x UNION ALL SELECT NULL")["x"]
    assert (column[0], str(column.dtype)) == (1.25, "float64")


def test_duckdb_draws_no_bars_of_its_own(catalog: Catalog) -> None:
    assert catalog.sql("SELECT current_setting('enable_progress_bar') AS drawn")["drawn"].tolist() == [False]
