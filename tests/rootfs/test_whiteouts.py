"""Tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import COLUMNS, Columns
from ocinb.errors import InvalidError
from ocinb.rootfs.whiteouts import as_layer
from ocinb.samples.tars import file
from tests.rootfs.layers import layer_of, tar_of

_NAMES = st.sampled_from(
    ["a", ".wh.a", ".wh..wh..opq", ".wh..wh.x", ".wh.", ".wh", ".prefetch.landmark", ".wh..wh.plnk"]
)


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh..."])
@pytest.mark.parametrize("folder", ["", "d/e/"])
def test_a_whiteout_of_nothing_is_refused_and_says_where(name: str, folder: str) -> None:
    with pytest.raises(InvalidError, match=f"entry 1 of the layer is '{folder}{name}'".replace(".", r"\.")):
        layer_of(file("a"), file(f"{folder}{name}"))


@given(st.lists(st.lists(_NAMES, min_size=1, max_size=3).map("/".join).filter(lambda path: not path.endswith(".wh."))))
def test_batches_are_read_as_the_whole(paths: list[str]) -> None:
    tar = tar_of(*map(file, paths))
    together = Columns()
    for place in range(len(tar)):
        together.extend(as_layer(tar.chosen([place])))
    assert together == as_layer(tar)
    assert {len(getattr(together, name)) for name in COLUMNS} == {len(together)}
