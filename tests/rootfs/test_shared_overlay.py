"""Images that share layers: whatever was laid before, each comes out as if it were laid alone."""

from __future__ import annotations

from collections.abc import Sequence
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocinb.archive.entries import Columns
from ocinb.errors import InvalidError
from ocinb.rootfs import overlay_state, tree
from ocinb.rootfs.filesystem import overlay
from ocinb.rootfs.shared_overlay import Exceptions, Stacks
from ocinb.rootfs.waste import hidden_files
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.rootfs.anylayers import LAYERS
from tests.rootfs.layers import layer_of

_POOLS = st.lists(LAYERS, min_size=1, max_size=6)
_IMAGES = st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=2, max_size=5)


def _alone(layers: Sequence[Columns]) -> Exceptions:
    """Give the exceptions of an image out of all that `overlay` says."""
    found, rows = overlay(layers), []
    hidden = set(hidden_files(layers, found))
    for layer, columns in enumerate(layers):
        for place, position in enumerate(columns.position):
            change, visible = found.change[layer][place], found.visible[layer][place]
            fate = found.hidden_in[layer][place], found.reason[layer][place]
            if change != "added" or not visible:
                rows.append((layer, position, change, visible, (layer, place) in hidden, *fate))
    return Exceptions(*map(list, zip(*rows, strict=True))) if rows else Exceptions([], [], [], [], [], [], [])


def _assert_same(pool: list[list[Entry]], images: list[list[int]], stacks: Stacks) -> None:
    layers = [layer_of(*entries) for entries in pool]
    for image in images:
        chosen = [number % len(layers) for number in image]
        found = stacks.lay(chosen, lambda number, chosen=chosen: layers[chosen[number]])  # type: ignore[misc] # bound now
        assert found == _alone([layers[number] for number in chosen])


@settings(max_examples=300, deadline=None)
@given(_POOLS, _IMAGES)
@example([[file("a/b")], [whiteout("a"), file("a/b")], [file("a/c")]], [[0, 1], [0, 2], [0, 1, 2], [0]])
@example([[file("a"), hardlink("b", "a")], [whiteout("a")], [whiteout("b")]], [[0, 1, 2], [0, 2], [0, 2, 1], [0, 1]])
@example([[symlink("l", "d"), file("d/x")], [whiteout("l")], [file("l/y")]], [[0, 1], [0, 2], [0, 1, 2], [0, 2]])
@example([[directory("d"), file("d/x")], [opaque("d")], [directory("d")]], [[0, 1], [0, 2], [0, 2, 1], [0, 2]])
def test_any_images_one_after_the_other(pool: list[list[Entry]], images: list[list[int]]) -> None:
    _assert_same(pool, images, Stacks())


@settings(max_examples=200, deadline=None)
@given(_POOLS, _IMAGES, st.integers(0, 12))
def test_any_images_with_room_for_few(pool: list[list[Entry]], images: list[list[int]], most: int) -> None:
    _assert_same(pool, images, Stacks(most))


@settings(max_examples=300, deadline=None)
@given(_POOLS, _IMAGES)
def test_any_images_with_rows_of_directories_kept_as_one(pool: list[list[Entry]], images: list[list[int]]) -> None:
    with mock.patch.object(tree, "LONG", 1), mock.patch.object(overlay_state, "LONG", 1):
        _assert_same(pool, images, Stacks())


def _lay(stacks: Stacks, image: str, layers: dict[str, Columns]) -> str:
    """Lay an image whose layers have names of one letter, and say which of them were read."""
    read: list[str] = []

    def columns(number: int) -> Columns:
        read.append(image[number])
        return layers[image[number]]

    stacks.lay(image, columns)
    return "".join(read)


def test_what_failed_is_not_built_upon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_IMPLIED", 2)
    layers = {"a": layer_of(file("a/b/1")), "x": layer_of(file("c/d/1")), "b": layer_of(file("a/2"))}
    stacks = Stacks()
    _lay(stacks, "ab", layers)
    with pytest.raises(InvalidError, match="directories that no layer stores"):
        _lay(stacks, "ax", layers)
    assert stacks.known("ab") == 0
    assert _lay(stacks, "ab", layers) == "ab"
