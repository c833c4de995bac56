"""Tests."""

from __future__ import annotations

import ocinb
from tests.notebook.plot import frames

ROWS = ({"compressed_bytes": 1000, "layer": 0}, {"empty_layer": True}, {"compressed_bytes": 500, "layer": 1})


def test_small_steps_in_a_row_are_gathered_and_the_sum_stays() -> None:
    frame = frames.history(*({"compressed_bytes": size} for size in (900, 1, 2, 3, 800, 4, 5)))
    figure = ocinb.plot.waterfall(frame, top=2)
    assert list(figure.data[0].x) == [900, 6, 800, 9, 1715]
    assert list(figure.layout.yaxis.ticktext)[1::2] == ["… 3 steps", "… 2 steps"]


def test_steps_of_unknown_size_are_told() -> None:
    figure = ocinb.plot.waterfall(frames.history({}, {"compressed_bytes": 5}))
    assert list(figure.data[0].x) == [5, 5]
    assert "1 step of unknown size is left out" in figure.layout.title.subtitle.text
    assert ocinb.plot.waterfall(frames.history({})).layout.annotations[0].text == "1 step of unknown size is left out"
    assert ocinb.plot.waterfall(frames.history()).layout.annotations[0].text == "there are no steps to draw"
