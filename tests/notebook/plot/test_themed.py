from __future__ import annotations

import json
from typing import Any

import plotly.io
import pytest

import ocinb
from ocinb.notebook.plot import chart
from ocinb.notebook.plot.chart import MIMETYPE
from tests.notebook.plot import frames

SPAN = f'<span style="{chart._STYLE}">'


def _shown(figure: Any) -> dict[str, Any]:
    shown: dict[str, Any] = figure._repr_mimebundle_()[MIMETYPE]
    return shown


def test_what_stands_on_the_page_has_its_colour_and_the_figure_itself_is_as_it_was() -> None:
    figure = ocinb.plot.layers(frames.layers({"compressed_bytes": 5}))
    before = figure.to_json()
    shown = _shown(figure)
    assert figure.to_json() == before
    assert SPAN not in before
    layout, [trace] = shown["layout"], shown["data"]
    texts = (layout["title"]["text"], layout["title"]["subtitle"]["text"], *trace["text"])
    ticks = (*layout["xaxis"]["ticktext"], *layout["yaxis"]["ticktext"])
    assert all(text.startswith(SPAN) and text.endswith("</span>") for text in (*texts, *ticks))
    assert trace["hovertext"][0].startswith("<b>layer 0</b>")


def test_on_a_tile_plotly_chooses_what_is_seen_but_for_the_root() -> None:
    shown = _shown(ocinb.plot.treemap(frames.files(("a", 5, 0, True), ("b", 7, 0, True))))
    first, *others = shown["data"][0]["labels"]
    assert first == f"{SPAN}demo/shop:2.0</span>"
    assert sorted(others) == ["a", "b"]


def test_a_template_that_somebody_chose_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly.io.templates, "default", "plotly_dark")
    figure = ocinb.plot.layers(frames.layers({"compressed_bytes": 5}))
    assert "<span" not in json.dumps(_shown(figure))
