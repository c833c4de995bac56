"""A view lists and sums folders as whoever looks at each path would, whatever the layers are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocinb.archive.entries import DIRECTORY
from ocinb.notebook.explore.views import NO_ROW, View
from ocinb.samples.tars import Entry, directory, file, opaque, whiteout
from tests.notebook.exploring.asking import explored
from tests.rootfs.anylayers import STACKS as ODD_STACKS


def _as_read(stack: list[list[Entry]]) -> list[list[Entry]]:
    """Give layers whose paths are as those that were read of a tar: without a slash at either end."""
    return [[replace(entry, path=entry.path.strip("/")) for entry in entries] for entries in stack]


STACKS: st.SearchStrategy[list[list[Entry]]] = ODD_STACKS.map(_as_read)


def _folders(view: View) -> set[str]:
    """Give all folders, those that are stored and those that stand in paths only."""
    found = {path for path, kind in zip(view.paths, view.types, strict=True) if kind == DIRECTORY}
    for path in view.paths:
        parts = path.split("/")
        found |= {"/".join(parts[:depth]) for depth in range(1, len(parts))}
    return found | {""}


def _inside(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _expected(view: View, folder: str) -> list[tuple[Any, ...]]:
    """Give name, row and bytes of each child, the plain way."""
    cut = len(folder) + 1 if folder else 0
    found: list[tuple[Any, ...]] = []
    for row, (path, kind) in enumerate(zip(view.paths, view.types, strict=True)):
        if _inside(path, folder) and "/" not in path[cut:] and kind != DIRECTORY:
            found.append((path[cut:], row, int(view.sizes[row])))
    for inner in _folders(view) - {""}:
        if _inside(inner, folder) and "/" not in inner[cut:]:
            rows = [row for row, path in enumerate(view.paths) if path == inner and view.types[row] == DIRECTORY]
            below = [row for row, path in enumerate(view.paths) if _inside(path, inner) and view.counted[row]]
            found.append((inner[cut:], rows[-1] if rows else NO_ROW, sum(int(view.sizes[row]) for row in below)))
    return sorted(found)


def _listed(view: View, folder: str) -> list[tuple[Any, ...]]:
    listing = view.children(folder)
    return sorted(zip(listing.names, listing.rows.tolist(), listing.sizes.tolist(), strict=True))


@settings(max_examples=150)
@given(STACKS)
@example([[file("a-b"), file("a/c"), directory("a"), file("a.d")]])
@example([[directory("a")], [whiteout("a"), file("a/b"), opaque("")]])
@example([[file("a//b"), file("../c"), file(""), directory("")]])
def test_any_view_lists_its_folders(stack: list[list[Entry]]) -> None:
    image = explored(stack)
    for number in (None, *range(len(stack))):
        view = image.view(number)
        for folder in _folders(view):
            assert view.has_folder(folder)
            assert _listed(view, folder) == _expected(view, folder)


@settings(max_examples=100)
@given(STACKS)
def test_sums_are_those_of_the_files_below(stack: list[list[Entry]]) -> None:
    image = explored(stack)
    for number in (None, *range(len(stack))):
        view = image.view(number)
        for folder in _folders(view):
            below = [row for row, path in enumerate(view.paths) if _inside(path, folder)]
            counted = [row for row in below if view.counted[row]]
            sums = view.sums(view.below(folder))
            assert sums.files == len(counted)
            assert sums.size_bytes == sum(int(view.sizes[row]) for row in counted)
            assert sums.hidden_bytes == sum(int(view.sizes[row]) for row in counted if view.hidden[row])


@settings(max_examples=100)
@given(STACKS)
def test_views_and_figures_agree(stack: list[list[Entry]]) -> None:
    image = explored(stack)
    figures = image.figures
    sums = [view.sums(range(len(view))) for view in map(image.view, range(len(stack)))]
    assert [one.files for one in sums] == figures.layer_files
    assert [one.hidden_bytes for one in sums] == figures.layer_hidden_bytes
    assert sum(one.size_bytes for one in sums) == figures.stored_bytes
    assert image.view(None).sums(range(len(image.view(None)))).size_bytes == figures.visible_bytes
