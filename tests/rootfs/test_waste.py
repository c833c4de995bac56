from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import FILE
from ocinb.rootfs.filesystem import overlay
from ocinb.rootfs.waste import figures
from ocinb.rootfs.whiteouts import is_leftover
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, whiteout
from tests.rootfs.layers import layer_of
from tests.rootfs.reference import Applied

_PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
_FILES = st.builds(
    file, st.one_of(_PATHS, st.just("../x"), st.just(".wh..wh.plnk/1")), st.sampled_from(["", "x", "yy", "zz"])
)
_LINKS = st.builds(hardlink, _PATHS, st.one_of(_PATHS, st.just(".wh..wh.plnk/1")))
_ENTRIES = st.one_of(_FILES, _FILES, _LINKS, _PATHS.map(directory), _PATHS.map(whiteout), _PATHS.map(opaque))


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
