from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import FILE
from ocinb.rootfs.filesystem import overlay
from ocinb.rootfs.waste import Figures, figures, hidden_files
from ocinb.rootfs.whiteouts import is_leftover
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.rootfs.layers import layer_of
from tests.rootfs.reference import Applied

_PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
_FILES = st.builds(
    file, st.one_of(_PATHS, st.just("../x"), st.just(".wh..wh.plnk/1")), st.sampled_from(["", "x", "yy", "zz"])
)
_LINKS = st.builds(hardlink, _PATHS, st.one_of(_PATHS, st.just(".wh..wh.plnk/1")))
_ENTRIES = st.one_of(_FILES, _FILES, _LINKS, _PATHS.map(directory), _PATHS.map(whiteout), _PATHS.map(opaque))


def _figures(*stack: list[Entry]) -> Figures:
    layers = [layer_of(*entries) for entries in stack]
    return figures(layers, overlay(layers))


def test_what_is_stored_seen_and_hidden() -> None:
    found = _figures(
        [directory("d"), file("d/a", "1234"), file("d/b", "12"), file("c", "1")],
        [file("d/a", "123"), whiteout("c")],
        [whiteout("d/a"), symlink("s", "d/b")],
    )
    assert (found.stored_bytes, found.visible_bytes, found.hidden_bytes, found.efficiency) == (10, 2, 8, 0.2)
    assert (found.layer_files, found.layer_hidden_bytes) == ([3, 1, 0], [5, 3, 0])


def test_nothing_stored_is_not_wasted() -> None:
    assert (_figures().efficiency, _figures([directory("d"), file("a")], [whiteout("a")]).efficiency) == (1.0, 1.0)
    assert _figures([file("a")], [whiteout("a")]).layer_files == [1, 0]


def test_a_content_counts_once_and_as_long_as_it_has_a_name() -> None:
    found = _figures([file("a", "1234"), hardlink("b", "a"), hardlink("c", "a")], [whiteout("a"), file("b", "1")])
    assert (found.stored_bytes, found.visible_bytes, found.hidden_bytes) == (5, 5, 0)
    assert found.layer_files == [1, 1]


def test_copies_count_if_they_are_seen_and_are_no_hard_links() -> None:
    layers = (
        [file("a", "1234"), file("b", "1234"), hardlink("c", "a"), file("d", "1234")],
        [file("e", "1234"), file("f")],
    )
    assert _figures(*layers).duplicate_bytes == 12
    assert _figures(*layers, [whiteout("a"), whiteout("b"), whiteout("e")]).duplicate_bytes == 4
    assert _figures([file("a", "1"), file("b", "2"), file("c"), file("d")]).duplicate_bytes == 0


def test_copies_of_which_nobody_knows_the_digest_are_none() -> None:
    layer = layer_of(file("a", "1234"), file("b", "1234"), file("c", "1234"), file("d", "1234"))
    layer.sha256[:2] = [None, None]
    assert figures([layer], overlay([layer])).duplicate_bytes == 4


def test_what_is_outside_is_stored_and_hidden_and_leftovers_are_neither() -> None:
    found = _figures([file("../a", "12"), file("b", "1"), file(".wh..wh.aufs", "123"), file(".wh..wh.plnk/1", "1234")])
    assert (found.stored_bytes, found.visible_bytes, found.layer_files) == (3, 1, [2])


def test_hidden_files_are_those_that_nothing_shows() -> None:
    layers = [layer_of(file("a"), hardlink("b", "a"), file("c"), file("../d"), directory("e"))] * 2
    layers.append(layer_of(whiteout("c"), whiteout("a"), whiteout("e")))
    assert list(hidden_files(layers, overlay(layers))) == [(0, 0), (0, 2), (0, 3), (1, 2), (1, 3)]


@given(st.lists(st.lists(_ENTRIES, max_size=6), max_size=4))
def test_figures_are_those_of_the_final_file_system(stack: list[list[Entry]]) -> None:
    layers = [layer_of(*entries) for entries in stack]
    found = figures(layers, overlay(layers))
    contents = {node.content for node in Applied(layers).nodes.values() if node.type == FILE}
    sizes = [layers[layer].size_bytes[place] for layer, place in filter(None, contents)]
    assert found.visible_bytes == sum(sizes)
    assert found.hidden_bytes == sum(found.layer_hidden_bytes) >= 0
    assert 0 <= found.duplicate_bytes <= found.visible_bytes
    stored = [
        size
        for columns in layers
        for path, kind, size in zip(columns.path, columns.type, columns.size_bytes, strict=True)
        if kind == FILE and (not is_leftover(path) or path in columns.link_target)
    ]
    assert (found.stored_bytes, sum(found.layer_files)) == (sum(stored), len(stored))
