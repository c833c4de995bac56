"""A frame has the columns and types of its schema whatever is in it, and every column says what it means."""

from typing import Any

import pandas as pd
import pytest

from ocinb._schemas import FLAG, NUMBER, OBJECT, TEXT, TIME, Column, Schema

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


def _dtypes(frame: pd.DataFrame) -> list[str]:
    return [str(dtype) for dtype in frame.dtypes]


COLUMNS: dict[str, list[Any]] = {
    "name": ["a", None, ""],
    "size_bytes": [2**63 - 1, None, -(2**63)],
    "made": [1_715_652_184_123_456, None, -1],
    "fine": [True, None, False],
    "parts": [[1], None, {}],
    "seconds": [0.5, None, 0.0],
}


@pytest.mark.parametrize("name", ["size_bytes", "made"])
def test_a_number_that_is_too_large_is_an_error_and_never_another_one(name: str) -> None:
    with pytest.raises(OverflowError):
        SCHEMA.frame_of({name: [2**63]}, same={})


@pytest.mark.parametrize("counts", [[], [0], [2], [2, 0, 1]])
def test_joined_frames_are_one_of_the_same_columns(counts: list[int]) -> None:
    frames = [SCHEMA.frame_of({"size_bytes": list(range(count))}, same={"name": "a"}) for count in counts]
    joined = SCHEMA.joined(frames)
    assert _dtypes(joined) == DTYPES
    assert list(joined["size_bytes"]) == [number for count in counts for number in range(count)]
    assert list(joined.index) == list(range(sum(counts)))


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
