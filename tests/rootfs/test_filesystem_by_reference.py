"""Whatever the layers: what comes out is what comes out when they are applied in the most obvious way."""

from __future__ import annotations

from unittest import mock

from hypothesis import example, given, settings

from ocinb.rootfs import overlay_state, tree
from ocinb.rootfs.filesystem import overlay
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.rootfs.anylayers import STACKS
from tests.rootfs.layers import layer_of
from tests.rootfs.reference import Applied


def _assert_same(stack: list[list[Entry]]) -> None:
    layers = [layer_of(*entries) for entries in stack]
    assert overlay(layers) == Applied(layers).overlay()


@settings(max_examples=600, deadline=None)
@given(STACKS)
@example([[file("a/b")], [whiteout("a"), file("a"), directory("a"), file("a/b")]])
@example([[file("a"), hardlink("b", "a")], [whiteout("a"), whiteout("b"), hardlink("c", "a")], [whiteout("c")]])
@example([[directory("d"), symlink("l", "d"), file("d/x")], [whiteout("l/x"), directory("l")]])
def test_any_layers(stack: list[list[Entry]]) -> None:
    _assert_same(stack)


@settings(max_examples=600, deadline=None)
@given(STACKS)
@example([[file("a/d/d/d/d/e")], [opaque(""), file("a/d/d/d"), file("a"), file("a/d/d/d/d/e")]])
def test_any_layers_with_rows_of_directories_kept_as_one(stack: list[list[Entry]]) -> None:
    with mock.patch.object(tree, "LONG", 1), mock.patch.object(overlay_state, "LONG", 1):
        _assert_same(stack)
