"""Whatever the layers: what comes out is what comes out when they are applied in the most obvious way."""

from __future__ import annotations

from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocinb.rootfs import directories, tree
from ocinb.rootfs.filesystem import overlay
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.rootfs.layers import layer_of
from tests.rootfs.reference import Applied

_NAMES = st.sampled_from(["a", "a", "b", "b", "c", "d/d/d", "d/d/d/d/e"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_ODD_PATHS = st.lists(st.one_of(_NAMES, st.sampled_from(["..", ".", ""])), max_size=4).map("/".join)
_TARGETS = st.one_of(_PATHS, _ODD_PATHS, _PATHS.map("/{}".format), _PATHS.map("../{}".format))
_LEFT = st.sampled_from([".wh..wh.plnk/1", ".wh..wh.plnk/2", ".wh..wh.aufs"])
_ENTRIES = st.one_of(
    _PATHS.map(file),
    _PATHS.map(file),
    _PATHS.map(directory),
    _PATHS.map(whiteout),
    _PATHS.map(opaque),
    st.builds(symlink, _PATHS, _TARGETS),
    st.builds(hardlink, _PATHS, st.one_of(_PATHS, _PATHS, _TARGETS, _LEFT)),
    st.one_of(_ODD_PATHS, _LEFT).map(file),
    _ODD_PATHS.map(opaque),
    _ODD_PATHS.filter(lambda path: path[-1:] not in {"", ".", "/"}).map(whiteout),
    _ODD_PATHS.map(directory),
    st.just(opaque("")),
)
_STACKS = st.lists(st.lists(_ENTRIES, max_size=7), min_size=1, max_size=4)


def _assert_same(stack: list[list[Entry]]) -> None:
    layers = [layer_of(*entries) for entries in stack]
    assert overlay(layers) == Applied(layers).overlay()


@settings(max_examples=600, deadline=None)
@given(_STACKS)
@example([[file("a/b")], [whiteout("a"), file("a"), directory("a"), file("a/b")]])
@example([[file("a"), hardlink("b", "a")], [whiteout("a"), whiteout("b"), hardlink("c", "a")], [whiteout("c")]])
@example([[directory("d"), symlink("l", "d"), file("d/x")], [whiteout("l/x"), directory("l")]])
def test_any_layers(stack: list[list[Entry]]) -> None:
    _assert_same(stack)


@settings(max_examples=600, deadline=None)
@given(_STACKS)
@example([[file("a/d/d/d/d/e")], [opaque(""), file("a/d/d/d"), file("a"), file("a/d/d/d/d/e")]])
def test_any_layers_with_rows_of_directories_kept_as_one(stack: list[list[Entry]]) -> None:
    with mock.patch.object(tree, "LONG", 1), mock.patch.object(directories, "LONG", 1):
        _assert_same(stack)
