from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.notebook.plot import palette
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


@pytest.mark.parametrize("draw", DRAW)
def test_folders_hold_what_is_in_them(draw: Any) -> None:
    figure = draw(frames.files(("usr/a", 700, 0, True), ("usr/b", 200, 1, False), ("etc/c", 100, 0, True)))
    assert _areas(figure) == {"usr/": 900, "etc/": 100}
    assert figure.data[0]["values"][0] == 1000
    assert (
        figure.layout.title.subtitle.text
        == "linux/amd64 · 1.0 kB in 3 stored files<br>200 B (20.0 &#37;) hidden, striped"
    )


@pytest.mark.parametrize("draw", DRAW)
def test_what_is_hidden_has_a_colour_and_stripes_of_its_own(draw: Any) -> None:
    trace = draw(frames.files(("a", 700, 0, True), ("b", 200, 1, False))).data[0]
    found = dict(zip(trace.labels, zip(trace.marker.colors, trace.marker.pattern.shape, strict=True), strict=True))
    assert found["b"] == (palette.HIDDEN, "/")
    assert found["a"][1] == ""
    assert found["a"][0] != palette.HIDDEN


@pytest.mark.parametrize("color", [*palette.PALETTE, palette.HIDDEN, palette.GREY])
def test_what_stands_on_a_tile_can_be_read(color: str) -> None:
    parts = [((int(color[place : place + 2], 16) / 255 + 0.055) / 1.055) ** 2.4 for place in (1, 3, 5)]
    level = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    contrast = 1.05 / (level + 0.05) if color == palette.BLUE else (level + 0.05) / 0.05
    assert contrast > 4.5


def test_layers_hold_the_files_that_they_store(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    frame = ocinb.files(name, platform="amd64", progress=False)
    sizes = frame[frame["type"] == "file"].groupby("layer")["size_bytes"].sum()
    areas = _areas(ocinb.plot.treemap(name, platform="amd64", by="layer", progress=False))
    assert {int(label.split()[1].rstrip(":")): size for label, size in areas.items()} == sizes[sizes > 0].to_dict()
    assert any("RUN" in label for label in areas), "layers are told by their instruction"


def test_several_images_stand_beside_each_other() -> None:
    one, other = frames.files(("a", 5, 0, True)), frames.files(("a", 7, 0, True), reference="demo/shop:1.0")
    assert _areas(ocinb.plot.treemap(pd.concat([one, other]))) == {"shop:1.0": 7, "shop:2.0": 5}


def test_the_small_ones_are_gathered() -> None:
    rows = [(f"dir/{number}", 10, 0, True) for number in range(50)]
    figure = ocinb.plot.treemap(frames.files(("big", 1000, 0, True), *rows), top=2)
    assert _areas(figure) == {"big": 1000, "dir/": 500}
    assert "… 50 more" in figure.data[0].labels


@pytest.mark.parametrize("by", ["folder", "layer"])
def test_a_hundred_thousand_files_are_a_small_figure(by: Any) -> None:
    frame = many_files(100_000)
    figure = ocinb.plot.treemap(frame, by=by)
    assert figure.data[0]["values"][0] == frame["size_bytes"].sum()
    assert len(figure.to_json()) < 300_000


def test_what_is_very_deep_stays_together_and_takes_no_memory_for_each_level() -> None:
    deep = [(f"{number}/{'d/' * 20_000}x", 10, 0, True) for number in range(8)]
    figure = ocinb.plot.treemap(frames.files(*deep))
    assert figure.data[0]["values"][0] == 80
    assert len(figure.data[0].ids) < 100


@pytest.mark.parametrize("draw", DRAW)
def test_what_strangers_wrote_is_harmless(draw: Any) -> None:
    frame = frames.files((f"x/{frames.HOSTILE}", 5, 0, True), ("w" * 10_000, 6, 0, True), reference=frames.HOSTILE)
    for text in frames.texts(draw(frame)):
        bare = text.replace("<b>", "").replace("</b>", "").replace("<br>", "")
        assert not set("<$\x1b\u202e") & set(bare)
        assert "%{" not in bare
        assert len(text) < 2000


def test_nothing_and_unknown_sizes_are_told() -> None:
    empty = ocinb.plot.treemap(frames.files())
    assert empty.layout.annotations[0].text == "there are no files with bytes to draw"
    unknown = ocinb.plot.treemap(frames.files(("a", None, 0, True)))
    assert unknown.layout.annotations[0].text == "1 file of unknown size is left out"
    some = ocinb.plot.treemap(frames.files(("a", None, 0, True), ("b", 1, 0, True)))
    assert "1 file of unknown size is left out" in some.layout.title.subtitle.text


def test_words_stand_in_for_the_picture() -> None:
    figure = ocinb.plot.icicle(frames.files(("usr/a", 700, 0, True), ("b", 200, 1, False)))
    assert figure.alt == (
        "Icicle. Files of demo/shop:2.0: linux/amd64 · 900 B in 2 stored files · 200 B (22.2 %) hidden, striped. "
        "Largest files: usr/a (700 B), b (200 B)."
    )


def test_a_choice_that_is_none_is_told() -> None:
    with pytest.raises(InvalidError, match=r"by takes 'folder' or 'layer', not 'layers'\. Did you mean 'layer'\?"):
        ocinb.plot.treemap("python", by="layers")  # type: ignore[arg-type]
