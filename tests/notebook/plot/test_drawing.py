from __future__ import annotations

import plotly.io
import pytest

from ocinb.notebook.plot import drawing


@pytest.mark.parametrize("largest", [1, 9, 161, 999, 1000, 6_300_575, 10**9, 7 * 10**15])
def test_an_axis_has_a_few_round_ticks_in_decimal_units(largest: int) -> None:
    axis = drawing.ticks(0, largest)
    assert 2 <= len(axis["tickvals"]) <= 8
    assert axis["tickvals"][0] == 0
    assert axis["tickvals"][-1] <= largest < axis["tickvals"][-1] + axis["tickvals"][1]
    assert axis["ticktext"][1:] == [drawing.tick(place) for place in axis["tickvals"][1:]]
    assert len(set(axis["ticktext"])) == len(axis["ticktext"])
    assert all(text.endswith("B") for text in axis["ticktext"][1:])


def test_a_title_is_harmless_and_the_words_are_kept() -> None:
    made = drawing.chart(title="<a>$x$", subtitle="<b>" * 100, alt="<alt>", height=300)
    assert made.layout.title.text == "<b>&lt;a&gt;&#36;x&#36;</b>"
    assert "<b>" not in made.layout.title.subtitle.text
    assert 0 < made.layout.title.subtitle.text.count("<br>") < 3
    assert made.alt == made.layout.meta["alt"] == "<alt>"


def test_the_page_shows_through_in_any_theme() -> None:
    made = drawing.chart(title="", subtitle="", alt="", height=300)
    assert made.layout.paper_bgcolor == made.layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert made.layout.font.color == drawing.TEXT


@pytest.mark.parametrize("background", [1.0, 0.0056])  # JupyterLab's white, and its #111111
def test_the_text_can_be_read_on_light_and_dark(background: float) -> None:
    level = ((int(drawing.TEXT[1:3], 16) / 255 + 0.055) / 1.055) ** 2.4
    bright, dark = max(level, background), min(level, background)
    assert (bright + 0.05) / (dark + 0.05) > 4.2


def test_a_template_that_somebody_chose_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly.io.templates, "default", "plotly_dark")
    made = drawing.chart(title="", subtitle="", alt="", height=300)
    assert made.layout.font.color is None
    assert made.layout.paper_bgcolor is None


def test_a_figure_of_nothing_says_so() -> None:
    made = drawing.nothing("Layers of a", "there are <none>")
    assert made.layout.annotations[0].text == "there are &lt;none&gt;"
    assert made.alt == "Layers of a: there are <none>."
