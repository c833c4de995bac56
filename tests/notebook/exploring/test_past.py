"""The file system after a layer is that of the layers up to it, and what went is what the one before had more."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings

from ocinb.archive.entries import DIRECTORY
from ocinb.frames.contents import filesystem_columns
from ocinb.notebook.explore.model import ExploredImage, Scope
from ocinb.notebook.explore.views import WORDS, View
from ocinb.rootfs.filesystem import Overlay, overlay
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.notebook.exploring.asking import explored
from tests.notebook.exploring.test_views import STACKS

Kinds = dict[str, bool]


def _stood(image: ExploredImage, count: int) -> Overlay:
    return overlay(image.layers[:count])


def _folders(image: ExploredImage, found: Overlay) -> Kinds:
    """Give for each path whether it is a directory that is stored."""
    kinds = filesystem_columns(image.layers, found)["type"]
    return {path: kind == DIRECTORY for path, kind in zip(found.paths, kinds, strict=True)}


def _marked(view: View) -> list[tuple[str, str | None]]:
    return [(path, WORDS[change]) for path, change in zip(view.paths, view.marks.changes, strict=True)]


def _after(stack: list[list[Entry]], layer: int) -> View:
    return explored(stack).scoped(Scope(layer, as_of=True))


@settings(max_examples=150)
@given(STACKS)
@example([[file("a/x"), file("b")], [file("a"), directory("b"), file("b/x")]])
@example([[file("a", "1"), hardlink("b", "a")], [whiteout("a")], [whiteout("b"), symlink("c", "b")]])
@example([[symlink("l", "d"), file("d/x")], [file("l/y"), whiteout("l/x")], [opaque("l")], [whiteout("d")]])
def test_after_each_layer_there_is_what_its_layers_come_to(stack: list[list[Entry]]) -> None:
    image = explored(stack)
    for layer in [*range(len(stack)), *reversed(range(len(stack)))]:
        view = image.scoped(Scope(layer, as_of=True))
        now, before = _stood(image, layer + 1), _stood(image, layer)
        rows = [row for row in range(len(view)) if not view.marks.gone[row]]
        assert [view.paths[row] for row in rows] == now.paths
        assert [view.owner(row) for row in rows] == now.owners
        assert [view.content(row) for row in rows] == now.contents
        columns = filesystem_columns(image.layers, now)
        assert [view.types[row] for row in rows] == columns["type"]
        assert [int(view.sizes[row]) for row in rows] == columns["size_bytes"]
        kinds, kinds_before = _folders(image, now), _folders(image, before)
        went = [path for path, is_folder in kinds_before.items() if kinds.get(path) is not is_folder]
        assert [view.paths[row] for row in range(len(view)) if view.marks.gone[row]] == went
        assert list(view.paths) == sorted(view.paths)


@settings(max_examples=100)
@given(STACKS)
def test_sums_are_those_of_the_layers_up_to_it(stack: list[list[Entry]]) -> None:
    image = explored(stack)
    for layer in range(len(stack)):
        view, alone = image.scoped(Scope(layer, as_of=True)), explored(stack[: layer + 1]).view(None)
        sums, expected = view.sums(range(len(view))), alone.sums(range(len(alone)))
        assert (sums.size_bytes, sums.files) == (expected.size_bytes, expected.files)
        before = explored(stack[:layer]).view(None) if layer else explored([[]]).view(None)
        assert sums.gone_bytes <= before.sums(range(len(before))).size_bytes


def test_what_a_layer_does_is_marked_and_the_rest_is_not() -> None:
    stack = [
        [directory("etc"), file("etc/passwd", "root"), file("etc/motd", "hi"), file("var/log/x", "xx"), file("var/y")],
        [directory("etc"), file("etc/passwd", "more"), file("srv/app", "app"), opaque("var")],
    ]
    assert _marked(_after(stack, 0)) == [
        ("etc", "added"),
        ("etc/motd", "added"),
        ("etc/passwd", "added"),
        ("var/log/x", "added"),
        ("var/y", "added"),
    ]
    assert _marked(_after(stack, 1)) == [
        ("etc", None),
        ("etc/motd", None),
        ("etc/passwd", "modified"),
        ("srv/app", "added"),
        ("var/log/x", "deleted"),
        ("var/y", "deleted"),
    ]


@pytest.mark.parametrize(
    ("after", "change"),
    [(directory("d"), None), (directory("d", mode=0o700), "modified"), (directory("d", owner=7), "modified")],
)
def test_a_directory_is_changed_if_its_owner_or_mode_is(after: Entry, change: str | None) -> None:
    assert _marked(_after([[directory("d"), file("d/x")], [after]], 1)) == [("d", change), ("d/x", None)]


def test_a_folder_that_no_layer_stores_and_that_is_stored_now_is_no_change() -> None:
    assert _marked(_after([[file("d/x")], [directory("d")]], 1)) == [("d", None), ("d/x", None)]


def test_what_has_another_name_takes_nothing_with_it() -> None:
    stack = [[file("a", "four"), hardlink("b", "a")], [whiteout("a")], [whiteout("b")]]
    one, two = _after(stack, 1), _after(stack, 2)
    assert _marked(one) == [("a", "deleted"), ("b", None)]
    assert (one.sums(range(2)).size_bytes, one.sums(range(2)).gone_bytes, one.types[0]) == (4, 0, "hardlink")
    assert (two.sums(range(1)).size_bytes, two.sums(range(1)).gone_bytes, two.types[0]) == (0, 4, "file")


def test_a_folder_that_went_has_the_bytes_that_it_had() -> None:
    view = _after([[file("a/b/x", "four"), file("a/b/y", "five!"), file("a/z", "six")], [whiteout("a/b")]], 1)
    listing = view.children("a")
    assert list(zip(listing.names, listing.sizes.tolist(), strict=True)) == [("b", 9), ("z", 3)]
    assert view.is_gone("a/b")
    assert not view.is_gone("a")
    assert view.sums(view.below("a")).size_bytes == 3


def test_one_moment_is_held_and_its_searches_go_with_it() -> None:
    image = explored([[file("a")], [file("b")]])
    first, second = (Scope(layer, as_of=True) for layer in (0, 1))
    view = image.scoped(first)
    assert image.scoped(first) is view
    image.search(first, "a")
    image.scoped(Scope(0, as_of=True, kinds=frozenset({"added"})))
    assert image.scoped(second).paths == ["a", "b"]
    assert not [scope for scope in [*image._parts, *(scope for scope, _ in image._searches)] if scope.layer == 0]
    assert image.scoped(first) is not view
