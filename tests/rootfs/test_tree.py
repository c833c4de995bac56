"""Paths as deep and as many as nobody needs them."""

from __future__ import annotations

import sys

from ocinb.archive.entries import FILE, WHITEOUT, Columns
from ocinb.rootfs.filesystem import overlay

DEPTH = 100_000
DEEP = "/".join(["d"] * DEPTH)
Row = tuple[str, str, str | None]


def _layer(*rows: Row) -> Columns:
    count = len(rows)
    paths, kinds, targets = ([*column] for column in zip(*rows, strict=True))
    zeros, nothing = [0] * count, [None] * count
    return Columns(
        [*range(count)], paths, kinds, zeros, zeros, zeros, zeros, [*nothing], targets, [*nothing], [*nothing]
    )


def _files(*paths: str) -> Columns:
    return _layer(*((path, FILE, None) for path in paths))


def _many(count: int) -> list[str]:
    """Give paths that part in each of their directories."""
    return ["/".join(["d"] * depth) + f"/f{depth}" for depth in range(1, count)]


def test_what_stood_below_is_known_however_deep_it_is() -> None:
    again = _layer(("d", WHITEOUT, None), (f"{DEEP}/a", FILE, None), (f"{DEEP}/b", FILE, None), (DEEP, FILE, None))
    assert overlay([_files(f"{DEEP}/a"), again]).change[1] == ["deleted", "modified", "added", "modified"]


def _wide(count: int) -> list[Columns]:
    return [_files(*(f"d{number % 100}/f{number}" for number in range(count))), _files(*(f"d{n}" for n in range(100)))]


def _steps(layers: list[Columns]) -> int:
    """Count the calls of functions, which no machine makes more or fewer."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        overlay(layers)
    finally:
        sys.setprofile(before)
    return calls
