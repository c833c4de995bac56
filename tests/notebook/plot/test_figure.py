"""Tests."""

from __future__ import annotations

import json
from typing import Any

import plotly.io
import pytest
from IPython.core.formatters import DisplayFormatter

import ocinb
from ocinb.notebook.plot import chart
from ocinb.notebook.plot import figure as figure_module
from ocinb.notebook.plot.chart import MIMETYPE, Chart
from tests.notebook.plot import frames

ALT = 'Bars </script><script>window.canary=1</script> "quoted" & more'


@pytest.fixture
def made() -> Chart:
    figure = figure_module.chart(title="a", subtitle="b", alt=ALT, height=300)
    figure.add_bar(x=[1, 2])
    return figure


def test_a_notebook_gets_plotlys_type_a_page_html_and_all_get_words(made: Chart) -> None:
    bundle, _ = DisplayFormatter().format(made)  # type: ignore[no-untyped-call]
    assert bundle.keys() == {MIMETYPE, "text/html", "text/plain"}
    assert bundle[MIMETYPE]["data"][0]["type"] == "bar"
    assert bundle[MIMETYPE]["config"]["typesetMath"] is False
    assert bundle["text/plain"] == repr(made) == ALT
    json.dumps(bundle, allow_nan=False)


def test_the_html_has_the_words_for_readers_and_asks_no_network(made: Chart) -> None:
    html = made._repr_html_()
    assert 'role="img" aria-label="Bars &lt;/script&gt;' in html
    assert "http" not in html.partition("<script>")[2].replace("http://www.w3.org", "")
    assert html.count("<script>") == html.count("</script>") == 1


def test_another_renderer_is_heeded(made: Chart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly.io.renderers, "default", "json")
    assert made._repr_mimebundle_().keys() == {"application/json", "text/plain"}
    assert "&lt;script&gt;" in made._repr_html_()


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
