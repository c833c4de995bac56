"""Ends: of very many rows people see the first and the last, and how many lie between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def ends(rows: Sequence[T], first: int, last: int) -> tuple[Sequence[T], int, Sequence[T]]:
    """Give the rows at either end, and how many are left out between them.

    Parameters
    ----------
    rows
        All of them.
    first, last
        How many are shown at the beginning and at the end. Where there are no more than both together, all of them
        stand at the beginning.

    Examples
    --------
    >>> ends("abcdefgh", 3, 2), ends("abcde", 3, 2)
    (('abc', 3, 'gh'), ('abcde', 0, ''))
    """
    left_out = max(0, len(rows) - first - last)
    return (rows[:first], left_out, rows[len(rows) - last :]) if left_out else (rows, 0, rows[:0])


def gap(count: int, where: str = "") -> str:
    """Say how many are left out, and where all of them are.

    >>> gap(9750, ".frame has them all"), gap(12)
    ('… 9,750 more; .frame has them all', '… 12 more')
    """
    return f"… {count:,} more{f'; {where}' if where else ''}"
