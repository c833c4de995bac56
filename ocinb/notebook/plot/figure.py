"""The layout that all plots share: title, subtitle, axes, bars, legend, and the text of labels and hovers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from ocinb._text import human_size, printable, short_digest, shorten
from ocinb.errors import OcinbError
from ocinb.notebook.plot.palette import BLUE, FAINT, TEXT

if TYPE_CHECKING:
    from ocinb.notebook.plot.chart import Chart

LABEL_CHARACTERS = 38
TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
_HOVER_CHARACTERS, _HOVER_WIDTH = 400, 64
# Plotly turns entities back after it has looked for tags, TeX and places to fill in.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "%": "&#37;"})
Fact = tuple[str, Any]


def safe(text: object, limit: int = LABEL_CHARACTERS) -> str:
    r"""Make any text safe wherever plotly shows one, and cut it to a length.

    >>> safe("<a href='x'>\x1b[2J")
    "&lt;a href='x'&gt;\\x1b[2J"
    """
    return shorten(printable(str(text)), limit).translate(_ESCAPES)


def safe_path(path: str, limit: int = LABEL_CHARACTERS) -> str:
    """Do the same with a path, of which the end says more than the beginning.

    >>> safe_path("usr/lib/python3/dist-packages/flask/app.py", 24)
    '…/flask/app.py'
    """
    shown = printable(path)
    if len(shown) <= limit:
        return safe(shown, limit)
    end = shown[len(shown) - limit + 1 :]
    slash = end.find("/", 0, -1)
    return safe(f"…{end[max(slash, 0) :]}", limit)


def size(count: Any) -> str:
    """Say a number of bytes as people do, with the exact one beside it where that says more.

    >>> size(42_135_552), size(12), size(None)
    ('42.1 MB (42,135,552 bytes)', '12 B', 'unknown')
    """
    if is_unknown(count):
        return "unknown"
    number = int(count)
    return f"{human_size(number)} ({number:,} bytes)" if abs(number) >= 1000 else f"{number} B"  # noqa: PLR2004 - as SI


def signed_size(count: Any) -> str:
    """Say by how much something changed.

    >>> signed_size(1_084_348), signed_size(0)
    ('+1.1 MB', '±0 B')
    >>> signed_size(-2) == f"{MINUS}2 B"
    True
    """
    if is_unknown(count):
        return "unknown"
    sign = "+" if count > 0 else MINUS if count < 0 else "±"
    return f"{sign}{human_size(abs(int(count)))}"


def share(part: float, whole: float) -> str:
    """Say a part of a whole in percent.

    >>> share(1, 3), share(0, 0), share(1, 10_000)
    ('33.3 %', '0.0 %', '< 0.1 %')
    """
    percent = 100 * part / whole if whole else 0
    return "< 0.1 %" if 0 < percent < 0.05 else f"{percent:.1f} %"  # noqa: PLR2004 - what rounds to nothing


def is_unknown(value: Any) -> bool:
    """Say whether a cell of a frame is NA; lists and dicts never are."""
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def hover(title: str, facts: Iterable[Fact]) -> str:
    """Make what shows when the mouse rests on something: a bold line, and a line for each fact that is known.

    >>> hover("layer 3", [("digest", "sha256:ab"), ("files", None)])
    '<b>layer 3</b><br>digest: sha256:ab'
    """
    known = [(name, value) for name, value in facts if not is_unknown(value)]
    lines = [f"<b>{_wrapped(title)}</b>", *(_wrapped(f"{name}: {value}") for name, value in known)]
    return "<br>".join(lines)


def _wrapped(text: str) -> str:
    """Cut into lines before anything is escaped, so that no escape is cut in two."""
    cut = shorten(printable(text), _HOVER_CHARACTERS)
    if len(cut) <= _HOVER_WIDTH:
        return safe(cut, _HOVER_WIDTH)
    lines = textwrap.wrap(cut, _HOVER_WIDTH, break_on_hyphens=False, subsequent_indent="  ")
    return "<br>".join(safe(line, _HOVER_WIDTH) for line in lines)


def digest(text: Any) -> Any:
    """Shorten a digest, if there is one."""
    return text if is_unknown(text) else short_digest(str(text))


_FONT: Final = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
# A bar stands below its label, so that both have the whole width: what is beside JupyterLab's side bar is narrow.
_LABEL, _BAR, _GAP, _LOWEST = 18, 17, 7, 90
_TITLE_CHARACTERS, _TITLE_LINES, _TITLE_LINE = 32, 3, 21
_TITLE_SHIFT = 11  # by which plotly puts a title higher if it has more than one line
_SUBTITLE_CHARACTERS, _SUBTITLE_LINES, _SUBTITLE_LINE = 46, 7, 17
_TOP, _LEGEND, _BOTTOM = 34, 26, 36
_NARROW, _LEGEND_MARK, _LEGEND_CHARACTER, _LEGEND_LINE = 300, 50, 7, 19
_MOST_TICKS = 4
ALT_CHARACTERS = 600


class _PlotlyError(OcinbError, ImportError):
    """Plotly is not installed; whoever tries imports catches it as an ImportError."""


def chart(*, title: str, subtitle: str, alt: str, height: int, legend: Sequence[str] | bool = False) -> Chart:
    """Make an empty figure with what all have."""
    try:
        from ocinb.notebook.plot.chart import Chart
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "plotly":
            raise
        raise _PlotlyError(
            "ocinb.plot draws with plotly, which is not here", hint="pip install 'ocinb[plot]'"
        ) from None
    heads = textwrap.wrap(printable(title), _TITLE_CHARACTERS, max_lines=_TITLE_LINES, placeholder="…")
    lines = _lines(printable(subtitle))[:_SUBTITLE_LINES]
    names = [""] * legend if isinstance(legend, bool) else legend
    top = _TOP + _TITLE_LINE * len(heads) + _SUBTITLE_LINE * len(lines) + _legend_height(names)
    made = Chart()
    made.update_layout(
        title={
            "text": f"<b>{'<br>'.join(safe(line, _TITLE_CHARACTERS) for line in heads)}</b>",
            "subtitle": {"text": "<br>".join(safe(line, _SUBTITLE_CHARACTERS) for line in lines), "font": {"size": 13}},
            "x": 0,
            "xref": "container",
            "pad": {"l": 16, "t": 14 + (_TITLE_SHIFT if len(heads) > 1 else 0)},
            "y": 1,
            "yanchor": "top",
            "yref": "container",
            "font": {"size": 16},
        },
        meta={"alt": shorten(alt, ALT_CHARACTERS)},
        height=top + height + _BOTTOM,
        margin={"l": 16, "r": 16, "t": top, "b": _BOTTOM},
        font={"family": _FONT, "size": 13},
        showlegend=bool(legend),
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "traceorder": "normal"},
        hoverlabel={"align": "left", "font": {"family": _FONT}, "namelength": 0},
    )
    return _in_any_theme(made)


def _legend_height(names: Sequence[str]) -> int:
    """Give the room for a legend in a narrow place, where plotly gives all names the width of the longest.

    >>> _legend_height(["linux/amd64", "linux/arm64"]), _legend_height(["ghcr.io/org/app linux/amd64"] * 3)
    (26, 64)
    """
    if not names:
        return 0
    columns = max(_NARROW // (_LEGEND_MARK + _LEGEND_CHARACTER * max(map(len, names))), 1)
    return _LEGEND + _LEGEND_LINE * (-(-len(names) // columns) - 1)


def _lines(subtitle: str) -> list[str]:
    """Cut a subtitle into lines, between two facts if that is possible.

    >>> _lines("linux/amd64 · 7.2 MB in 48 files · 1.1 MB (15.5 %) hidden")
    ['linux/amd64 · 7.2 MB in 48 files', '1.1 MB (15.5 %) hidden']
    """
    lines: list[str] = []
    for fact in filter(None, subtitle.split(" · ")):
        if lines and len(lines[-1]) + len(fact) + 3 <= _SUBTITLE_CHARACTERS:
            lines[-1] += f" · {fact}"
        else:
            lines += textwrap.wrap(fact, _SUBTITLE_CHARACTERS)
    return lines


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
    made.update_xaxes(gridcolor=FAINT, zerolinecolor=FAINT, linecolor=FAINT)
    made.update_yaxes(gridcolor=FAINT, zerolinecolor=FAINT, linecolor=FAINT)
    return made


def nothing(title: str, message: str) -> Chart:
    """Make a figure that says why there is nothing in it."""
    made = chart(title=title, subtitle="", alt=f"{title}: {message}.", height=_LOWEST)
    words = "<br>".join(safe(line, _SUBTITLE_CHARACTERS) for line in _lines(printable(message)))
    made.add_annotation(text=words, showarrow=False, x=0, y=0.5, xref="paper", yref="paper", align="left")
    made.update_xaxes(visible=False)
    made.update_yaxes(visible=False)
    return made


def height_of(rows: int, *, bars: int = 1) -> int:
    """Give the height of a row for each thing: its label, and one bar or two thinner ones."""
    return max(_row(bars) * rows + _GAP, _LOWEST)


def _row(bars: int) -> int:
    return _LABEL + _bar(bars) + _GAP


def _bar(bars: int) -> int:
    return _BAR if bars == 1 else 13 * bars


def bar_gap(bars: int = 1) -> float:
    """Give what is no bar of a row, as a part of it."""
    return 1 - _bar(bars) / _row(bars)


def ticks(smallest: float, largest: float, *, most: int = _MOST_TICKS) -> dict[str, Any]:
    """Make an axis of sizes: its ticks read as 10 MB, where plotly itself would write 10M.

    They stand still, so the axis cannot be zoomed.

    >>> ticks(0, 6_300_575)["ticktext"]
    ['0', '2 MB', '4 MB', '6 MB']
    """
    step = _step(max(largest - min(smallest, 0), 1), most)
    first, last = int(min(smallest, 0) // step), int(max(largest, 0) // step)
    places = [number * step for number in range(first, last + 1)]
    texts = [tick(place) for place in places]
    return {"tickmode": "array", "tickvals": places, "ticktext": texts, "fixedrange": True}


def _step(span: float, most: int) -> int:
    power: int = 10 ** max(len(str(int(span))) - 2, 0)
    steps = [factor * power for factor in (1, 2, 5, 10, 20, 50, 100)]
    return next((step for step in steps if span / step <= most), steps[-1])


def tick(count: float) -> str:
    """Say a round number of bytes.

    >>> tick(10_000_000), tick(2_500_000), tick(0)
    ('10 MB', '2.5 MB', '0')
    """
    if not count:
        return "0"
    sign = MINUS if count < 0 else ""
    return sign + human_size(abs(count)).replace(".0 ", " ")


def rows_axis(labels: Sequence[str], *, bars: int = 1) -> dict[str, Any]:
    """Make the axis of a row for each thing, the first one on top, with labels that are safe already.

    The label stands on its bar, which has its middle at 0, 1, 2, …
    """
    row, half = _row(bars), _bar(bars) / 2
    return {
        "tickmode": "array",
        "tickvals": [place - half / row for place in range(len(labels))],
        "range": [len(labels) - 1 + (half + _GAP) / row, -(half + _LABEL) / row],
        **_labels(labels),
    }


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of which some have no bar, and are lower for that; in pixels from the top.

    Attributes
    ----------
    middles
        Where the middle of each bar is, or would be.
    height
        Of all together.
    bar
        How thick a bar is.
    """

    middles: tuple[float, ...]
    height: int
    bar: int = _BAR

    @classmethod
    def of(cls, have_bars: Iterable[bool]) -> Rows:
        """Place rows, of which each has a bar or none."""
        tops = [0, *accumulate(_LABEL + _GAP + (_BAR if has_bar else 0) for has_bar in have_bars)]
        return cls(tuple(top + _LABEL + _BAR / 2 for top in tops[:-1]), max(tops[-1], _LOWEST))

    def axis(self, labels: Sequence[str]) -> dict[str, Any]:
        """Make their axis, as `rows_axis` does."""
        places = [middle - self.bar / 2 for middle in self.middles]
        return {"tickmode": "array", "tickvals": places, "range": [self.height, 0], **_labels(labels)}


def _labels(labels: Sequence[str]) -> dict[str, Any]:
    return {
        "ticktext": list(labels),
        "ticklabelposition": "inside top",
        "ticklabeloverflow": "allow",
        "ticks": "",
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
