from __future__ import annotations

import pandas as pd
import pytest

from ocinb.notebook.plot import figure
from tests.notebook.plot.frames import HOSTILE


@pytest.mark.parametrize("character", "<$%\x1b\u202e\n")
def test_what_plotly_would_read_is_escaped(character: str) -> None:
    assert character in f"{HOSTILE}\n"
    assert character not in figure.safe(f"{HOSTILE}\n", 500)


def test_an_ampersand_is_shown_and_makes_no_entity() -> None:
    assert figure.safe("a && b &lt;b&gt;") == "a &amp;&amp; b &amp;lt;b&amp;gt;"


def test_what_is_long_is_cut_before_it_is_escaped() -> None:
    assert figure.safe("<" * 100, 3) == "&lt;&lt;&lt;…"
    assert figure.safe_path("a/" * 50 + "end", 8) == "…/a/end"
    assert figure.safe_path("short", 8) == "short"


def test_what_hovers_has_lines_of_a_readable_width() -> None:
    shown = figure.hover("x" * 10_000, [("instruction", "word " * 2000)])
    lines = shown.replace("<b>", "").replace("</b>", "").split("<br>")
    assert 4 < len(lines) < 20
    assert max(map(len, lines)) <= 64


@pytest.mark.parametrize("value", [None, pd.NA, float("nan"), pd.NaT])
def test_unknown_facts_are_not_told(value: object) -> None:
    assert figure.is_unknown(value)
    assert figure.hover("a", [("b", value), ("c", 0)]) == "<b>a</b><br>c: 0"


@pytest.mark.parametrize("value", [0, "", "nan", [], [None], False])
def test_what_is_known_is_not_unknown(value: object) -> None:
    assert not figure.is_unknown(value)
