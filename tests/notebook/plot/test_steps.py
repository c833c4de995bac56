from __future__ import annotations

import pandas as pd

import ocinb
from tests.notebook.plot import frames

ROWS = ({"compressed_bytes": 1000, "layer": 0}, {"empty_layer": True}, {"compressed_bytes": 500, "layer": 1})


def test_it_ends_in_the_size_of_the_image() -> None:
    [trace] = ocinb.plot.waterfall(frames.history(*ROWS)).data
    assert list(trace.x) == [1000, 0, 500, 1500]
    assert list(trace.measure) == ["relative", "relative", "relative", "total"]
    assert list(trace.text) == ["+1.0 kB", "", "+500 B", "1.5 kB"]


def test_steps_without_a_layer_can_be_left_out() -> None:
    [trace] = ocinb.plot.waterfall(frames.history(*ROWS), empty=False).data
    assert list(trace.x) == [1000, 500, 1500]


def test_small_steps_in_a_row_are_gathered_and_the_sum_stays() -> None:
    frame = frames.history(*({"compressed_bytes": size} for size in (900, 1, 2, 3, 800, 4, 5)))
    figure = ocinb.plot.waterfall(frame, top=2)
    assert list(figure.data[0].x) == [900, 6, 800, 9, 1715]
    assert list(figure.layout.yaxis.ticktext)[1::2] == ["… 3 steps", "… 2 steps"]


def test_several_images_begin_at_nothing_each() -> None:
    frame = pd.concat([frames.history(*ROWS), frames.history(*ROWS[:1], reference="demo/shop:1")])
    figure = ocinb.plot.waterfall(frame, empty=False)
    assert [list(trace.x) for trace in figure.data] == [[1000, 500, 1500], [1000, 1000]]
    assert [len(trace.y) for trace in figure.data] == [3, 2]
    assert len({place for trace in figure.data for place in trace.y}) == 5
    assert figure.layout.yaxis.ticktext[-1] == "<b>shop:1</b>"


def test_steps_of_unknown_size_are_told() -> None:
    figure = ocinb.plot.waterfall(frames.history({}, {"compressed_bytes": 5}))
    assert list(figure.data[0].x) == [5, 5]
    assert "1 step of unknown size is left out" in figure.layout.title.subtitle.text
    assert ocinb.plot.waterfall(frames.history({})).layout.annotations[0].text == "1 step of unknown size is left out"
    assert ocinb.plot.waterfall(frames.history()).layout.annotations[0].text == "there are no steps to draw"


def test_words_stand_in_for_the_picture() -> None:
    assert ocinb.plot.waterfall(frames.history(*ROWS)).alt == (
        "Waterfall. Growth of demo/shop:2.0 by step: linux/amd64 · 1.5 kB compressed in 3 steps. "
        "Largest steps: RUN step-0 (+1.0 kB), RUN step-2 (+500 B), RUN step-1 (+0 B)."
    )
