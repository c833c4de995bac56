"""Tests."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ocinb
from ocinb.errors import InvalidError
from ocinb.notebook.plot.folder_tree import Leaf, Path, Sums, tree
from ocinb.samples import SampleRegistry
from tests.notebook.plot import frames

DRAW = [ocinb.plot.treemap, ocinb.plot.icicle]


def _areas(figure: Any) -> dict[str, int]:
    """Give each label below the root with its bytes."""
    [trace] = figure.data
    return {
        label: size
        for label, size, parent in zip(trace.labels, trace["values"], trace.parents, strict=True)
        if parent == "0"
    }


def many_files(count: int) -> pd.DataFrame:
    """Make a frame of many files with sizes as they are: a few large, most small."""
    chance = np.random.default_rng(7)
    places = chance.integers(0, 40, (count, 3))
    paths = [f"usr/lib/d{a}/s{b}/t{c}/file-{number}.so" for number, (a, b, c) in enumerate(places)]
    frame = pd.DataFrame({**frames.IMAGE, "path": paths, "type": "file", "link_target": pd.NA})
    frame["size_bytes"] = pd.array(chance.lognormal(8, 2.5, count).astype("int64"), dtype="Int64")
    frame["layer"] = pd.array(chance.integers(0, 12, count), dtype="Int64")
    frame["visible"] = pd.array(chance.random(count) > 0.1, dtype="boolean")
    return frame


def test_layers_hold_the_files_that_they_store(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    frame = ocinb.files(name, platform="amd64", progress=False)
    sizes = frame[frame["type"] == "file"].groupby("layer")["size_bytes"].sum()
    areas = _areas(ocinb.plot.treemap(name, platform="amd64", by="layer", progress=False))
    assert {int(label.split()[1].rstrip(":")): size for label, size in areas.items()} == sizes[sizes > 0].to_dict()
    assert any("RUN" in label for label in areas), "layers are told by their instruction"


@pytest.mark.parametrize("by", ["folder", "layer"])
def test_a_hundred_thousand_files_are_a_small_figure(by: Any) -> None:
    frame = many_files(100_000)
    figure = ocinb.plot.treemap(frame, by=by)
    assert figure.data[0]["values"][0] == frame["size_bytes"].sum()
    assert len(figure.to_json()) < 300_000


@pytest.mark.parametrize("draw", DRAW)
def test_what_strangers_wrote_is_harmless(draw: Any) -> None:
    frame = frames.files((f"x/{frames.HOSTILE}", 5, 0, True), ("w" * 10_000, 6, 0, True), reference=frames.HOSTILE)
    for text in frames.texts(draw(frame)):
        bare = text.replace("<b>", "").replace("</b>", "").replace("<br>", "")
        assert not set("<$\x1b\u202e") & set(bare)
        assert "%{" not in bare
        assert len(text) < 2000


def test_a_choice_that_is_none_is_told() -> None:
    with pytest.raises(InvalidError, match=r"by takes 'folder' or 'layer', not 'layers'\. Did you mean 'layer'\?"):
        ocinb.plot.treemap("python", by="layers")  # type: ignore[arg-type]


PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5).map(tuple)
FILES = st.lists(st.tuples(PATHS, st.integers(0, 100), st.booleans()), min_size=1, max_size=30)


def _leaves(files: list[tuple[Path, int, bool]]) -> tuple[dict[Path, Sums], list[Leaf]]:
    direct: dict[Path, Sums] = defaultdict(Sums)
    leaves = []
    for row, (path, size, is_hidden) in enumerate(files):
        sums = Sums(size, size if is_hidden else 0, 1)
        direct[path[:-1]].add(sums)
        leaves.append(Leaf(path, sums, row))
    return dict(direct), leaves


@given(FILES, st.integers(1, 20))
def test_what_lies_in_a_folder_adds_up_to_it_whatever_is_kept(files: list[tuple[Path, int, bool]], top: int) -> None:
    direct, leaves = _leaves(files)
    nodes = tree(direct, leaves, top)
    assert nodes[0].sums == Sums(sum(f[1] for f in files), sum(f[1] for f in files if f[2]), len(files))
    assert len([node for node in nodes if node.kind in ("folder", "file")]) <= top
    for node in nodes:
        assert node.parent is None or node.parent < node.number
        inside = [other.sums for other in nodes if other.parent == node.number]
        if inside:
            assert sum(sums.whole for sums in inside) == node.sums.whole
            assert sum(sums.hidden for sums in inside) == node.sums.hidden
