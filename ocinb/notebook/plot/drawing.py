"""How all plots look: their colours, axes of sizes and titles, and a figure that says that there is nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ocinb._text import human_size, printable, shorten
from ocinb.errors import OcinbError
from ocinb.notebook.plot.words import MINUS, TITLE_CHARACTERS, safe

if TYPE_CHECKING:
    from ocinb.notebook.plot.chart import Chart

# Okabe and Ito's palette, told apart by colour-blind people too; vermillion is kept for what is hidden, with a pattern.
BLUE, GREEN, PURPLE, ORANGE, SKY, YELLOW = "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"
PALETTE: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW)
HIDDEN: Final = "#D55E00"
GREY: Final = "#999999"
# The grey that is as far from JupyterLab's white as from its black; a figure does not learn in which of them it stands.
TEXT: Final = "#787878"
_FAINT: Final = "rgba(127, 127, 127, 0.25)"
_FONT: Final = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
_ROW_HEIGHT, _FRAME_HEIGHT, _LOWEST = 27, 140, 220
_SUBTITLE_CHARACTERS, _SUBTITLE_LINES, _LINE, _LEGEND = 84, 3, 17, 26
_MOST_TICKS = 6
ALT_CHARACTERS = 600


class _PlotlyError(OcinbError, ImportError):
    """Plotly is not installed; whoever tries imports catches it as an ImportError."""


def chart(*, title: str, subtitle: str, alt: str, height: int, legend: bool = False) -> Chart:
    """Make an empty figure with what all have.

    Parameters
    ----------
    title, subtitle
        What it shows of what, and the figures that matter; escaped here.
    alt
        What is to be seen in it, as sentences.
    height
        In pixels; the width is that of its place.
    legend
        Whether there is more than one kind of thing in it.

    Raises
    ------
    OcinbError
        If plotly is not installed.
    """
    try:
        from ocinb.notebook.plot.chart import Chart
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "plotly":
            raise
        raise _PlotlyError(
            "ocinb.plot draws with plotly, which is not here", hint="pip install 'ocinb[plot]'"
        ) from None
    lines = textwrap.wrap(printable(subtitle), _SUBTITLE_CHARACTERS)[:_SUBTITLE_LINES]
    made = Chart()
    made.update_layout(
        title={
            "text": f"<b>{safe(title, TITLE_CHARACTERS)}</b>",
            "subtitle": {"text": "<br>".join(safe(line, _SUBTITLE_CHARACTERS) for line in lines), "font": {"size": 13}},
            "x": 0,
            "xref": "container",
            "pad": {"l": 16},
            "y": 1,
            "yanchor": "top",
            "yref": "container",
        },
        title_pad_t=16,
        title_font_size=17,
        meta={"alt": shorten(alt, ALT_CHARACTERS)},
        height=height + _LINE * max(len(lines) - 1, 0),
        margin={"l": 16, "r": 24, "t": 68 + _LINE * max(len(lines), 1) + (_LEGEND if legend else 0), "b": 40},
        font={"family": _FONT, "size": 13},
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom"},
        hoverlabel={"align": "left", "font": {"family": _FONT}, "namelength": 0},
        bargap=0.25,
    )
    return _in_any_theme(made)


def _in_any_theme(made: Chart) -> Chart:
    """Let the page show through, but where somebody chose another template of plotly: that one decides then."""
    import plotly.io

    if plotly.io.templates.default != "plotly":
        return made
    made.update_layout(
        template="plotly",
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font_color=TEXT,
        modebar={"bgcolor": "rgba(0, 0, 0, 0)", "color": TEXT, "activecolor": BLUE},
        title_subtitle_font_color=TEXT,
    )
    made.update_xaxes(gridcolor=_FAINT, zerolinecolor=_FAINT, linecolor=_FAINT)
    made.update_yaxes(gridcolor=_FAINT, zerolinecolor=_FAINT, linecolor=_FAINT)
    return made


def nothing(title: str, message: str) -> Chart:
    """Make a figure that says why there is nothing in it."""
    made = chart(title=title, subtitle="", alt=f"{title}: {message}.", height=_LOWEST)
    made.add_annotation(text=safe(message, 2 * TITLE_CHARACTERS), showarrow=False, x=0.5, y=0.5, xref="paper")
    made.update_annotations(yref="paper", font_size=15)
    made.update_xaxes(visible=False)
    made.update_yaxes(visible=False)
    return made


def height_of(rows: int) -> int:
    """Give the height of a figure with a row for each thing."""
    return max(_LOWEST, _FRAME_HEIGHT + _ROW_HEIGHT * rows)


def ticks(smallest: float, largest: float) -> dict[str, Any]:
    """Make an axis of sizes: its ticks read as 10 MB, where plotly itself would write 10M.

    They stand still, so the axis cannot be zoomed.

    >>> ticks(0, 6_300_575)["ticktext"]
    ['0', '2 MB', '4 MB', '6 MB']
    """
    step = _step(max(largest - min(smallest, 0), 1))
    first, last = int(min(smallest, 0) // step), int(max(largest, 0) // step)
    places = [number * step for number in range(first, last + 1)]
    texts = [tick(place) for place in places]
    return {"tickmode": "array", "tickvals": places, "ticktext": texts, "fixedrange": True}


def _step(span: float) -> int:
    power: int = 10 ** max(len(str(int(span))) - 2, 0)
    steps = [factor * power for factor in (1, 2, 5, 10, 20, 50, 100)]
    return next((step for step in steps if span / step <= _MOST_TICKS), steps[-1])


def tick(count: float) -> str:
    """Say a round number of bytes.

    >>> tick(10_000_000), tick(2_500_000), tick(0)
    ('10 MB', '2.5 MB', '0')
    """
    if not count:
        return "0"
    sign = MINUS if count < 0 else ""
    return sign + human_size(abs(count)).replace(".0 ", " ")


def rows_axis(labels: Sequence[str]) -> dict[str, Any]:
    """Make the axis of a bar for each thing, the first one on top, with labels that are safe already."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": list(labels),
        "range": [len(labels) - 0.5, -0.5],
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
        "ticklabelstandoff": 6,
        "fixedrange": True,
    }
