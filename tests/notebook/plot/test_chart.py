from __future__ import annotations

import json

import plotly.io
import pytest
from IPython.core.formatters import DisplayFormatter

from ocinb.notebook.plot import figure as figure_module
from ocinb.notebook.plot.chart import MIMETYPE, Chart

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
