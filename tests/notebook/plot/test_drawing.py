from __future__ import annotations

from itertools import pairwise

import plotly.io
import pytest

from ocinb.notebook.plot import figure, palette


@pytest.mark.parametrize("largest", [1, 9, 161, 999, 1000, 6_300_575, 10**9, 7 * 10**15])
def test_an_axis_has_a_few_round_ticks_in_decimal_units(largest: int) -> None:
    axis = figure.ticks(0, largest)
    assert 2 <= len(axis["tickvals"]) <= 8
    assert axis["tickvals"][0] == 0
    assert axis["tickvals"][-1] <= largest < axis["tickvals"][-1] + axis["tickvals"][1]
    assert axis["ticktext"][1:] == [figure.tick(place) for place in axis["tickvals"][1:]]
    assert len(set(axis["ticktext"])) == len(axis["ticktext"])
    assert all(text.endswith("B") for text in axis["ticktext"][1:])


def test_a_title_is_harmless_and_the_words_are_kept() -> None:
    made = figure.chart(title="<a>$x$", subtitle="<b>" * 100, alt="<alt>", height=300)
    assert made.layout.title.text == "<b>&lt;a&gt;&#36;x&#36;</b>"
    assert "<b>" not in made.layout.title.subtitle.text
    assert made.layout.title.subtitle.text.count("<br>") == 6
    assert made.alt == made.layout.meta["alt"] == "<alt>"


def test_the_page_shows_through_in_any_theme() -> None:
    made = figure.chart(title="", subtitle="", alt="", height=300)
    assert made.layout.paper_bgcolor == made.layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert made.layout.font.color == palette.TEXT


def test_titles_are_cut_into_lines_that_fit_a_narrow_place_and_the_plot_gets_higher() -> None:
    short = figure.chart(title="short", subtitle="a · b", alt="", height=300)
    long = figure.chart(title="long-" * 100, subtitle=" · ".join(["a fact"] * 9), alt="", height=300)
    lines = [*long.layout.title.text.split("<br>"), *long.layout.title.subtitle.text.split("<br>")]
    assert max(len(line.replace("<b>", "").replace("</b>", "")) for line in lines) <= 46
    assert long.layout.title.text.endswith("…</b>")
    assert long.layout.title.subtitle.text.split("<br>") == [" · ".join(["a fact"] * count) for count in (5, 4)]
    for made in (short, long):
        assert made.layout.height - made.layout.margin.t - made.layout.margin.b == 300
    assert long.layout.height == short.layout.height + 2 * 21 + 17


def test_a_legend_of_several_lines_has_room() -> None:
    narrow = figure.chart(title="", subtitle="", alt="", height=300, legend=["registry.example/app linux/amd64"] * 4)
    short = figure.chart(title="", subtitle="", alt="", height=300, legend=["amd64", "arm64"])
    assert narrow.layout.margin.t == short.layout.margin.t + 3 * 19
    assert short.layout.showlegend


def test_a_label_stands_on_its_bar_and_none_on_another() -> None:
    for bars in (1, 2):
        axis, gap = figure.rows_axis(["a", "b"], bars=bars), figure.bar_gap(bars)
        tops = [place - (1 - gap) / 2 for place in (0, 1)]
        assert axis["tickvals"] == pytest.approx(tops)
        assert tops[1] - (1 - gap) > axis["tickvals"][0], "there is room for a label"
        assert axis["range"][0] > 1 + (1 - gap) / 2
        assert axis["range"][1] < tops[0]


def test_rows_without_a_bar_are_lower() -> None:
    rows = figure.Rows.of([True, False, True, True])
    steps = [after - before for before, after in pairwise(rows.middles)]
    assert steps[0] == steps[2] > steps[1] > 18
    assert rows.axis(["a"] * 4)["range"] == [rows.height, 0]
    assert rows.middles[-1] + rows.bar / 2 < rows.height


@pytest.mark.parametrize("background", [1.0, 0.0056])  # JupyterLab's white, and its #111111
def test_the_text_can_be_read_on_light_and_dark(background: float) -> None:
    level = ((int(palette.TEXT[1:3], 16) / 255 + 0.055) / 1.055) ** 2.4
    bright, dark = max(level, background), min(level, background)
    assert (bright + 0.05) / (dark + 0.05) > 4.2


def test_a_template_that_somebody_chose_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly.io.templates, "default", "plotly_dark")
    made = figure.chart(title="", subtitle="", alt="", height=300)
    assert made.layout.font.color is None
    assert made.layout.paper_bgcolor is None


def test_a_figure_of_nothing_says_so() -> None:
    made = figure.nothing("Layers of a", "there are <none>")
    assert made.layout.annotations[0].text == "there are &lt;none&gt;"
    assert made.alt == "Layers of a: there are <none>."
