"""Any layers: entries of all kinds whose paths meet, for tests that hold for whatever the layers are."""

from __future__ import annotations

from hypothesis import strategies as st

from ocinb.samples.tars import directory, file, hardlink, opaque, symlink, whiteout

_NAMES = st.sampled_from(["a", "a", "b", "b", "c", "d/d/d", "d/d/d/d/e"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_ODD_PATHS = st.lists(st.one_of(_NAMES, st.sampled_from(["..", ".", ""])), max_size=4).map("/".join)
_TARGETS = st.one_of(_PATHS, _ODD_PATHS, _PATHS.map("/{}".format), _PATHS.map("../{}".format))
_LEFT = st.sampled_from([".wh..wh.plnk/1", ".wh..wh.plnk/2", ".wh..wh.aufs"])
ENTRIES = st.one_of(
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
LAYERS = st.lists(ENTRIES, max_size=7)
STACKS = st.lists(LAYERS, min_size=1, max_size=4)
