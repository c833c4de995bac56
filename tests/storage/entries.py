"""Entries by the dozen, for tables of them."""

from __future__ import annotations

from hypothesis import strategies as st

from ocinb.archive.entries import Columns

_WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
_TEXT = st.text(max_size=12)


def columns(count: int, *, first: int = 0) -> Columns:
    """Make some entries, of which every third is a directory, and every fifth a link."""
    made = Columns()
    for position in range(first, first + count):
        kind = "directory" if position % 3 == 0 else "symlink" if position % 5 == 0 else "file"
        is_file = kind == "file"
        made.extend(
            Columns(
                [position],
                [f"srv/é/{position}"],
                [kind],
                [position if is_file else 0],
                [0o755],
                [1000],
                [0],
                [1_700_000_000_000_000 + position if position % 7 else None],
                ["srv"] if kind == "symlink" else [None],
                [position.to_bytes(32, "big") if is_file else None],
                [512 * position if is_file else None],
            )
        )
    return made


def any_columns(count: int) -> st.SearchStrategy[Columns]:
    """Draw entries that no tar would have, but a table has to hold."""

    def column(values: st.SearchStrategy[object]) -> st.SearchStrategy[list[object]]:
        return st.lists(values, min_size=count, max_size=count)

    numbers, texts = column(_WHOLE), column(_TEXT)
    return st.builds(
        Columns,
        numbers,
        texts,
        texts,
        numbers,
        numbers,
        numbers,
        numbers,
        column(st.none() | _WHOLE),
        column(st.none() | _TEXT),
        column(st.none() | st.binary(min_size=32, max_size=32)),
        column(st.none() | st.integers(0, 2**63 - 1)),
    )
