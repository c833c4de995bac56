"""A frame has the columns and types of its schema whatever is in it, and every column says what it means."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from ocinb._schemas import FLAG, NUMBER, OBJECT, TEXT, TIME, Column, Schema
from ocinb.frames import schemas
from ocinb.spec.digest import Digest

SCHEMA = Schema(
    "things",
    "thing",
    (
        Column("name", TEXT, "its name"),
        Column("size_bytes", NUMBER, "its size", "bytes"),
        Column("made", TIME, "when"),
        Column("fine", FLAG, "whether"),
        Column("parts", OBJECT, "a list or a dict"),
        Column("seconds", "Float64", "how long", "seconds"),
    ),
)
DTYPES = ["str", "Int64", "datetime64[us, UTC]", "boolean", "object", "Float64"]
DECLARED = [value for value in vars(schemas).values() if isinstance(value, Schema)]
ROW = {
    "name": "a",
    "size_bytes": 2**63 - 1,
    "made": datetime(2024, 5, 14, 2, 3, 4, 123456, UTC),
    "fine": False,
    "parts": [1, 2],
    "seconds": 0.5,
}


def _dtypes(frame: pd.DataFrame) -> list[str]:
    return [str(dtype) for dtype in frame.dtypes]


@pytest.mark.parametrize("rows", [[], [{}], [{}, {}], [ROW], [ROW, {}], [{}, ROW]], ids=str)
def test_columns_and_types_are_the_same_whatever_is_in_it(rows: list[Mapping[str, Any]]) -> None:
    frame = SCHEMA.frame(rows)
    assert list(frame.columns) == [column.name for column in SCHEMA.columns]
    assert _dtypes(frame) == DTYPES
    assert list(frame.index) == list(range(len(rows)))


MICROSECOND = timedelta(microseconds=1)
COLUMNS: dict[str, list[Any]] = {
    "name": ["a", None, ""],
    "size_bytes": [2**63 - 1, None, -(2**63)],
    "made": [1_715_652_184_123_456, None, -1],
    "fine": [True, None, False],
    "parts": [[1], None, {}],
    "seconds": [0.5, None, 0.0],
}


def test_a_frame_of_columns_is_that_of_the_same_rows() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    made = [None if moment is None else epoch + timedelta(microseconds=moment) for moment in COLUMNS["made"]]
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*{**COLUMNS, "made": made}.values(), strict=True)]
    pd.testing.assert_frame_equal(SCHEMA.frame_of(COLUMNS, same={}), SCHEMA.frame(rows))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_columns_may_be_empty_the_same_in_all_rows_or_not_there(count: int) -> None:
    frame = SCHEMA.frame_of({"size_bytes": list(range(count))}, same={"name": Digest.of(b"x"), "fine": True})
    assert _dtypes(frame) == DTYPES
    assert list(frame["name"]) == [str(Digest.of(b"x"))] * count
    assert list(frame["fine"]) == [True] * count
    assert bool(frame[["made", "parts", "seconds"]].isna().to_numpy().all())


SAME: dict[str, Any] = {
    "name": Digest.of(b"x"),
    "size_bytes": 2**63 - 1,
    "made": datetime(2024, 5, 14, 2, 3, 4, 123456, UTC),
    "fine": False,
    "parts": {"a": [1]},
    "seconds": 0.5,
}


@pytest.mark.parametrize("same", [SAME, {}, dict.fromkeys(SAME), {"name": "lone \ud800 surrogate", "parts": []}])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_is_the_same_in_all_rows_is_as_if_it_stood_in_each(same: dict[str, Any], count: int) -> None:
    only = Schema("only", "row", (Column("number", NUMBER, "the row's number"), *SCHEMA.columns))
    frame = only.frame_of({"number": list(range(count))}, same=same)
    pd.testing.assert_frame_equal(frame, only.frame({"number": number, **same} for number in range(count)))


@pytest.mark.parametrize("unknown", [set(), {0}, {2}, {0, 1, 2}], ids=str)
def test_columns_are_those_of_rows_wherever_something_is_unknown(unknown: set[int]) -> None:
    full: dict[str, list[Any]] = {
        "name": ["a", "", "é"],
        "size_bytes": [0, 2**63 - 1, -(2**63)],
        "made": [0, -1, 1_715_652_184_123_456],
        "fine": [True, False, True],
        "parts": [[], {}, [1]],
        "seconds": [0.0, 0.5, 1e300],
    }
    columns = {name: [None if at in unknown else one for at, one in enumerate(column)] for name, column in full.items()}
    frame = SCHEMA.frame_of(columns, same={})
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row in rows:
        row["made"] = None if row["made"] is None else datetime(1970, 1, 1, tzinfo=UTC) + row["made"] * MICROSECOND
    pd.testing.assert_frame_equal(frame, SCHEMA.frame(rows))
    assert frame.isna().all(axis=1).tolist() == [at in unknown for at in range(3)]


def test_rows_of_one_value_can_be_changed_one_by_one() -> None:
    frame = SCHEMA.frame_of({"size_bytes": [1, 2]}, same=SAME)
    changes: dict[str, Any] = {"name": "b", "fine": True, "seconds": 1.5}
    for name, value in changes.items():
        frame.loc[0, name] = value
        assert frame[name].tolist() == [value, SAME[name]]


@pytest.mark.parametrize("name", ["size_bytes", "made"])
def test_a_number_that_is_too_large_is_an_error_and_never_another_one(name: str) -> None:
    with pytest.raises(OverflowError):
        SCHEMA.frame_of({name: [2**63]}, same={})


def test_columns_that_are_all_unknown_keep_their_types() -> None:
    frame = SCHEMA.frame_of({name: [None, None] for name in COLUMNS}, same={})
    assert _dtypes(frame) == DTYPES
    assert bool(frame.isna().to_numpy().all())


@pytest.mark.parametrize("counts", [[], [0], [2], [2, 0, 1]])
def test_joined_frames_are_one_of_the_same_columns(counts: list[int]) -> None:
    frames = [SCHEMA.frame_of({"size_bytes": list(range(count))}, same={"name": "a"}) for count in counts]
    joined = SCHEMA.joined(frames)
    assert _dtypes(joined) == DTYPES
    assert list(joined["size_bytes"]) == [number for count in counts for number in range(count)]
    assert list(joined.index) == list(range(sum(counts)))


def test_what_is_missing_or_none_is_na_and_never_zero_or_empty() -> None:
    frame = SCHEMA.frame([{}, dict.fromkeys(ROW)])
    assert bool(frame.isna().to_numpy().all())


def test_values_come_out_as_they_went_in() -> None:
    falsy = {"name": "", "size_bytes": 0, "made": None, "fine": False, "parts": {}, "seconds": 0.0}
    first, second = SCHEMA.frame([ROW, falsy]).to_dict("records")
    assert first == {**ROW, "made": pd.Timestamp("2024-05-14 02:03:04.123456", tz="UTC")}
    assert second == {**falsy, "made": second["made"]}


def test_rows_may_be_any_iterable() -> None:
    assert list(SCHEMA.frame({"name": letter} for letter in "ab")["name"]) == ["a", "b"]


def test_digests_become_plain_text() -> None:
    digest = Digest.of(b"x")
    [value] = SCHEMA.frame([{"name": digest}])["name"]
    assert type(value) is str
    assert value == digest


def test_lists_and_dicts_stay_what_they_are() -> None:
    parts: list[Any] = [["a"], ["b"], [], {"x": "1"}, {}, None]
    values = list(SCHEMA.frame({"parts": part} for part in parts)["parts"])
    assert values[:-1] == parts[:-1]
    assert values[-1] is pd.NA


def test_lone_surrogates_are_kept_also_where_arrow_cannot_keep_them(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = pd.Series

    def as_arrow(values: list[Any], *, dtype: Any, name: str) -> Any:
        if isinstance(dtype, str) and dtype == TEXT:
            assert [value.encode() for value in values if value is not None]
        return plain(values, dtype=dtype, name=name)

    monkeypatch.setattr(pd, "Series", as_arrow)
    frame = SCHEMA.frame([{"name": "lone \ud800 surrogate"}, {"name": "é"}, {"name": ""}, {}])
    assert list(frame["name"])[:3] == ["lone \ud800 surrogate", "é", ""]
    assert frame["name"].isna().tolist() == [False, False, False, True]
    assert _dtypes(frame) == DTYPES


def test_a_frame_does_not_share_its_columns_with_the_next() -> None:
    rows = [dict(ROW)]
    first, second = SCHEMA.frame(rows), SCHEMA.frame(rows)
    first.loc[0, "name"] = "changed"
    assert second.loc[0, "name"] == "a"


def test_every_frame_of_the_package_is_declared() -> None:
    assert {"repositories", "tags", "manifests", "layers", "history", "configs", "pull"} <= {
        schema.name for schema in DECLARED
    }


@pytest.mark.parametrize("schema", DECLARED, ids=lambda schema: schema.name)
def test_every_declared_schema_makes_an_empty_frame_of_its_types(schema: Schema) -> None:
    frame = schema.frame([])
    assert len(frame) == 0
    assert list(frame.columns) == [column.name for column in schema.columns]
    assert _dtypes(frame) == [column.dtype for column in schema.columns]
    assert frame.columns.is_unique


@pytest.mark.parametrize("schema", DECLARED, ids=lambda schema: schema.name)
def test_every_declared_column_has_a_known_type_and_says_what_it_means(schema: Schema) -> None:
    assert schema.row
    for column in schema.columns:
        assert column.dtype in {TEXT, NUMBER, TIME, FLAG, OBJECT, "Float64"}, column
        assert len(column.meaning) > 5, column
        assert (column.unit == "bytes") is f"_{column.name}".endswith("_bytes"), column
        assert (column.unit == "seconds") is column.name.endswith("seconds"), column
        assert column.dtype == NUMBER or column.unit != "bytes", column
