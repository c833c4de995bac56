"""Of very many rows both ends are shown, each row once, and what is left out is counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocinb.notebook.show.cells import ends

_FEW = st.integers(min_value=0, max_value=6)


@given(st.integers(min_value=0, max_value=20), _FEW, _FEW)
def test_all_rows_are_shown_or_counted(count: int, first: int, last: int) -> None:
    head, left_out, tail = ends(range(count), first, last)
    assert len(head) + left_out + len(tail) == count
    if left_out:
        assert [*head, *tail] == [*range(first), *range(count - last, count)]
    else:
        assert [*head, *tail] == [*range(count)]
