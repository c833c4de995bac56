"""Paths as deep and as many as nobody needs them."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable

import pytest

from ocinb.archive.entries import DIRECTORY, FILE, OPAQUE, SYMLINK, WHITEOUT, Columns
from ocinb.rootfs.filesystem import Overlay, overlay
from ocinb.rootfs.overlay_state import Directory, Ledger
from ocinb.rootfs.tree import Tree

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


def test_a_deep_row_that_links_turn_back_into_costs_no_more_memory_than_its_names() -> None:
    rows: list[Row] = [(f"{DEEP}/f", FILE, None)]
    for number in range(4):
        here = DEEP[: 2 * (DEPTH - 1000 * number) - 1]
        rows += [(f"{here}/l", SYMLINK, "/".join([".."] * 900)), (f"{here}/l/x", FILE, None)]
    layer = _layer(*rows)
    tracemalloc.start()
    found = overlay([layer])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.paths) == len(rows)
    assert peak < 10 * sum(map(len, layer.path))


def test_what_a_link_costs_is_counted_however_often_it_was_followed() -> None:
    links: list[Row] = [(f"l{number}", SYMLINK, f"l{number + 1}" if number < 39 else "d") for number in range(40)]
    layer = _layer(("d", DIRECTORY, None), *links, *((f"l{n}/f{n}/x", FILE, None) for n in range(39, -1, -1)))
    assert len(overlay([layer]).paths) == 81
    more = _layer(("k", SYMLINK, "l0"), ("k/f/x", FILE, None), ("l0/g/x", FILE, None))
    assert "d/f/x" not in overlay([layer, more]).paths, "that would be the 41st link"
    assert "d/g/x" in overlay([layer, more]).paths


def test_what_a_long_link_costs_is_counted_too() -> None:
    turns = "/".join(["t", ".."] * 600 + ["t"])  # 3,001 characters
    links = _layer(
        ("t", DIRECTORY, None), ("k", SYMLINK, turns), ("l", SYMLINK, "k"), ("m", SYMLINK, f"l/../{turns[:1100]}")
    )
    paths = overlay([links, _files("l/a/x", "m/b/x", "l/c/x")]).paths
    assert [path for path in paths if path.endswith("/x")] == ["t/a/x", "t/c/x"]


def test_where_a_link_leads_is_not_where_a_row_goes_on() -> None:
    layer = _layer((f"{DEEP[:99]}/f", FILE, None), ("l", SYMLINK, "d"), ("l/d/d/a/x", FILE, None))
    paths = overlay([layer, _files("l/b/x")]).paths
    assert [path for path in paths if path.endswith("/x")] == ["d/b/x", "d/d/d/a/x"]


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


def _in_turns(count: int) -> list[Columns]:
    """Give a directory with many files the name of a file and of a directory, in turns."""
    rows: list[Row] = [("a", FILE, None), ("a", DIRECTORY, None)]
    return [_files(*(f"a/{number}" for number in range(count))), _layer(*rows * count)]


@pytest.mark.parametrize("make", [_wide, _back_and_forth, _opaque_again, _in_turns])
def test_nothing_is_searched_from_end_to_end(make: Callable[[int], list[Columns]]) -> None:
    few, many = (_steps(make(count)) for count in (300, 1200))
    assert many < 6 * few


def test_what_a_directory_had_is_not_copied_for_each_that_takes_its_place() -> None:
    few, many = (_peak(_in_turns(count)) for count in (100, 800))
    assert many < 16 * few


def test_a_long_link_costs_its_length_once() -> None:
    turns = "/".join(["t", ".."] * 500 + ["t"])
    short, long = ([_layer(("l", SYMLINK, to), *BEHIND)] for to in ("t", turns))
    assert _steps(long) < 1.5 * _steps(short)


BEHIND: list[Row] = [(f"l/{number}/x", FILE, None) for number in range(1000)]


def _peak(layers: list[Columns]) -> int:
    tracemalloc.start()
    overlay(layers)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


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
        "from ocinb.rootfs.overlay_state import Ledger\n"
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
