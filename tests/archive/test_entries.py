from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import COLUMNS, Columns, text_of

NAMES = st.lists(st.sampled_from([b"\\", b"x", b"\xe9", b"e9", b"a", "é".encode(), b"\xed\xa0\x80"])).map(b"".join)


@given(NAMES, NAMES)
def test_no_two_names_fall_together(one: bytes, other: bytes) -> None:
    assert (text_of(one) == text_of(other)) == (one == other)


@given(st.binary())
def test_every_name_is_text_that_can_be_written(raw: bytes) -> None:
    text = text_of(raw)
    assert text.encode().decode() == text


def test_columns_stay_together() -> None:
    columns = Columns(*([value] for value in range(len(COLUMNS))))  # type: ignore[arg-type] # whatever stands in them
    columns.extend(columns.chosen([0, 0]))
    assert [*map(str, columns.path)] == ["1", "1", "1"]
    assert columns.offset == [10, 10, 10]
