"""Paths as deep and as many as nobody needs them."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable

import pytest

from ocinb.archive.entries import FILE, OPAQUE, SYMLINK, WHITEOUT, Columns
from ocinb.rootfs.filesystem import Overlay, overlay
from ocinb.rootfs.ledger import Ledger
from ocinb.rootfs.tree import Directory, Tree

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


@pytest.mark.parametrize(
    ("layers", "seen"),
    [
        ([_files(DEEP)], 1),
        ([_files(DEEP, f"{DEEP[:-2]}/e")], 2),
        ([_files(DEEP), _layer(("d", WHITEOUT, None))], 0),
        ([_files(DEEP), _layer(("d", OPAQUE, None))], 0),
        ([_files(DEEP), _layer((DEEP[:-2], WHITEOUT, None)), _files(DEEP)], 1),
        ([_files(DEEP), _files("d")], 1),
        ([_files(DEEP), _files(DEEP[: DEPTH - 1])], 1),
        ([_files(DEEP), _layer(("d", WHITEOUT, None), (DEEP, FILE, None))], 1),
        ([_files("d"), _files(DEEP)], 1),
        ([_layer(("l", SYMLINK, DEEP[:4001])), _files(f"l/{DEEP}")], 2),
        ([_layer(("l", SYMLINK, DEEP)), _files("l/a")], 1),
        ([_files(*(f"{number}/{DEEP}" for number in range(50)))], 50),
        ([_files(*_many(1000)), _layer(("d", OPAQUE, None))], 0),
        ([_files(*("../" * 1000 + f"a{number}" for number in range(1000)))], 0),
        ([_files(f"{DEEP}/{'../' * (DEPTH - 1)}a")], 1),
    ],
)
def test_paths_may_be_as_deep_as_they_like(layers: list[Columns], seen: int) -> None:
    assert len(overlay(layers).paths) == seen


def test_what_stood_below_is_known_however_deep_it_is() -> None:
    again = _layer(("d", WHITEOUT, None), (f"{DEEP}/a", FILE, None), (f"{DEEP}/b", FILE, None), (DEEP, FILE, None))
    assert overlay([_files(f"{DEEP}/a"), again]).change[1] == ["deleted", "modified", "added", "modified"]


def test_a_deep_path_costs_no_more_memory_than_its_names() -> None:
    layer = _files(*(f"{number}/{DEEP}" for number in range(20)))
    tracemalloc.start()
    overlay([layer])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * sum(map(len, layer.path))


def _wide(count: int) -> list[Columns]:
    return [_files(*(f"d{number % 100}/f{number}" for number in range(count))), _files(*(f"d{n}" for n in range(100)))]


def _back_and_forth(count: int) -> list[Columns]:
    """Give a file and a directory, in turn, the same name, with a link beside them that entries go through."""
    rows: list[Row] = []
    for number in range(count):
        rows += [("l", SYMLINK, "a/b/c"), (f"l/{number}", FILE, None), ("a", FILE, None)]
    return [_layer(*rows)]


def _opaque_again(count: int) -> list[Columns]:
    return [_files(*(f"{number}/a" for number in range(count)))] + [_layer(("", OPAQUE, None))] * count


@pytest.mark.parametrize("make", [_wide, _back_and_forth, _opaque_again])
def test_nothing_is_searched_from_end_to_end(make: Callable[[int], list[Columns]]) -> None:
    few, many = (_steps(make(count)) for count in (300, 1200))
    assert many < 6 * few


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


def test_a_deep_tree_is_forgotten_without_recursion() -> None:
    program = (
        "from ocinb.rootfs.ledger import Ledger\n"
        "from ocinb.rootfs.tree import Tree\n"
        "import gc\n"
        "tree = Tree(Ledger(0))\n"
        "here = tree.root\n"
        "for _ in range(300_000):\n"
        "    here = tree.put_directory(-1, here, 'd')\n"
        "del tree, here\n"
        "gc.collect()\n"
        "print('forgotten')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("forgotten\n", "")


def test_a_row_of_directories_is_cut_where_something_else_comes_in() -> None:
    tree = Tree(Ledger(1))
    names = [f"d{number}" for number in range(40)]
    bottom = tree.make(names)
    middle = tree.find(names[:20])
    assert isinstance(bottom, Directory)
    assert isinstance(middle, Directory)
    assert (bottom.path, middle.path) == ("/".join(names), "/".join(names[:20]))
    assert tree.find(names) is bottom
    assert tree.find([*names, "..", ".."]) is tree.find([*names[:-1], ".."])
    assert tree.find([*names[:5], "x"]) is None
    assert tree.find(names) is bottom


def test_an_overlay_of_nothing_is_nothing() -> None:
    assert overlay([]) == Overlay([], [], [], [], [], [], [])
