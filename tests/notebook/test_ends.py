"""Of very many rows both ends are shown, each row once, and what is left out is counted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.notebook.show.cells import ends, gap

_FEW = st.integers(min_value=0, max_value=6)


@given(st.integers(min_value=0, max_value=20), _FEW, _FEW)
def test_all_rows_are_shown_or_counted(count: int, first: int, last: int) -> None:
    head, left_out, tail = ends(range(count), first, last)
    assert len(head) + left_out + len(tail) == count
    if left_out:
        assert [*head, *tail] == [*range(first), *range(count - last, count)]
    else:
        assert [*head, *tail] == [*range(count)]


@pytest.mark.parametrize("rows", [range(9), [*range(9)], (*range(9),)])
def test_the_ends_are_of_the_same_kind(rows: Sequence[int]) -> None:
    head, _, tail = ends(rows, 3, 2)
    assert type(head) is type(tail) is type(rows)


def test_what_is_left_out_is_said() -> None:
    assert gap(1) == "… 1 more"
    assert gap(12_345, "look there") == "… 12,345 more; look there"
