"""Whatever a question gives comes out in the types that the frames have."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from ocinb.catalog.catalog import Catalog


@pytest.fixture(scope="module")
def catalog() -> Iterator[Catalog]:
    with Catalog() as one:
        yield one


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
