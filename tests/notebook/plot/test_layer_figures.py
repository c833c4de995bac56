"""Tests."""

from __future__ import annotations

import pandas as pd

import ocinb
from ocinb.notebook.plot import palette
from tests.notebook.plot import frames


def test_what_was_read_is_split_into_visible_and_hidden() -> None:
    figure = ocinb.plot.layers(frames.layers({"compressed_bytes": 5, "tar_bytes": 100, "hidden_bytes": 30}))
    assert [(trace.name, list(trace.x)) for trace in figure.data] == [("not hidden", [70]), ("hidden", [30])]
    assert figure.data[1].marker.color == palette.HIDDEN
    assert figure.data[1].marker.pattern.shape == "/"


def test_several_images_are_stacked_and_what_they_share_has_one_colour() -> None:
    one = frames.layers({"compressed_bytes": 5}, {"compressed_bytes": 6, "digest": "sha256:one"})
    other = frames.layers(
        {"compressed_bytes": 5}, {"compressed_bytes": 9, "digest": "sha256:two"}, reference="demo/shop:1"
    )
    figure = ocinb.plot.layers(pd.concat([one, other]))
    assert [list(trace.x) for trace in figure.data] == [[5, 5], [6, 9]]
    assert len(set(figure.data[0].marker.color)) == 1
    assert set(figure.data[1].marker.color) == {palette.GREY}
    assert list(figure.layout.yaxis.ticktext) == ["shop:2.0", "shop:1"]


def test_an_image_without_layers_says_so() -> None:
    assert ocinb.plot.layers(frames.layers()).layout.annotations[0].text == "there are no layers to draw"
    assert ocinb.plot.layers(frames.layers({})).layout.annotations[0].text == "1 layer of unknown size is left out"
    assert ocinb.plot.layers([]).layout.annotations[0].text == "there are no layers to draw"
