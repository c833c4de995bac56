"""A matrix: what each two images have in common, by the colour of a cell; an image itself has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocinb._text import human_size
from ocinb.notebook.plot import drawing
from ocinb.notebook.plot.questions import told
from ocinb.notebook.plot.themed import TEXT
from ocinb.notebook.plot.words import hover, safe_path, share, size

if TYPE_CHECKING:
    from ocinb.notebook.plot.chart import Chart

_MOST_FIGURES = 12  # more than that cannot be read, and colour alone is left
_MOST_LARGE = 6  # in a narrow place the figures of more are small
_CELL, _LOW_CELL, _LOWEST = 40, 24, 160
_SCALE_SHIFT = 13  # by which plotly puts a title higher above a scale of colours
_SCALE = "Cividis"


@dataclass(frozen=True, slots=True)
class Stack:
    """An image and its layers, each once."""

    label: str
    name: str
    layers: dict[str, int]

    @property
    def whole(self) -> int:
        """What it takes alone, in bytes."""
        return sum(self.layers.values())


def matrix(title: str, stacks: Sequence[Stack], more: str) -> Chart:
    """Draw a cell for each two images, and on the diagonal how large each is.

    Parameters
    ----------
    title
        What stands above it.
    stacks
        The images, in their order.
    more
        What is to be told beside the sizes.
    """
    rows = [[_common(one, other) for other in stacks] for one in stacks]
    blobs = {name: count for stack in stacks for name, count in stack.layers.items()}
    logical, stored = sum(stack.whole for stack in stacks), sum(blobs.values())
    subtitle = told(f"{human_size(logical)} in all", f"{human_size(stored)} with each layer stored once", more)
    pairs = [(rows[a][b], stacks[a].name, stacks[b].name) for a in range(len(stacks)) for b in range(a)]
    closest = ", ".join(f"{one} and {other} {human_size(both)}" for both, one, other in sorted(pairs, reverse=True)[:3])
    alt = f"Matrix. {title}: {subtitle}." + (f" Most in common: {closest}." if closest else "")
    is_small, has_scale = len(stacks) <= _MOST_FIGURES, len(stacks) > _MOST_LARGE
    height = max(_LOWEST, (_CELL if is_small else _LOW_CELL) * len(stacks))
    made = drawing.chart(title=title, subtitle=subtitle, alt=alt, height=height, legend=has_scale)
    most = max((both for both, _, _ in pairs), default=0) or 1
    if has_scale:
        made.update_layout(title_pad_t=made.layout.title.pad.t + _SCALE_SHIFT)
    _add_cells(made, stacks, rows, _colored(most, is_shown=has_scale), is_small=is_small)
    _add_axes(made, [stack.name for stack in stacks])
    return made


def _add_cells(
    made: Chart, stacks: Sequence[Stack], rows: Sequence[Sequence[int]], colored: dict[str, Any], *, is_small: bool
) -> None:
    """Add the pairs with their colours, and the images themselves in none, which would outshine all pairs."""
    places = range(len(stacks))
    texts = [[human_size(both) if is_small else "" for both in row] for row in rows]
    words = [[_pair(one, other) for other in stacks] for one in stacks]
    for is_pair in (True, False):
        made.add_heatmap(
            z=[[rows[a][b] if (a != b) is is_pair else None for b in places] for a in places],
            x=list(places),
            y=list(places),
            text=[[texts[a][b] if (a != b) is is_pair else "" for b in places] for a in places],
            texttemplate="%{text}",
            hovertext=[[words[a][b] if (a != b) is is_pair else "" for b in places] for a in places],
            hoverinfo="text",
            hoverongaps=False,
            xgap=2,
            ygap=2,
            **(colored if is_pair else _NEUTRAL),
        )


_PALE = "rgba(127, 127, 127, 0.1)"
_NEUTRAL: dict[str, Any] = {
    "colorscale": [[0, _PALE], [1, _PALE]],
    "showscale": False,
    "textfont": {"color": TEXT},
}


def _colored(most: int, *, is_shown: bool) -> dict[str, Any]:
    """Say which colour is how much; above the matrix if no figures stand in it."""
    axis = drawing.ticks(0, most)
    bar = {name: axis[name] for name in ("tickmode", "tickvals", "ticktext")}
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "len": 0.8, "ypad": 2}
    return {
        "colorscale": _SCALE,
        "zmin": 0,
        "zmax": most,
        "showscale": is_shown,
        "colorbar": {**bar, **place, "thickness": 8, "outlinewidth": 0},
    }


def _add_axes(made: Chart, names: Sequence[str]) -> None:
    places = list(range(len(names)))
    labels = [f"{safe_path(name, 20)}  {place}" for place, name in enumerate(names, 1)]
    axis = {"tickmode": "array", "tickvals": places, "showgrid": False, "zeroline": False, "fixedrange": True}
    across, down = [-0.5, len(names) - 0.5], [len(names) - 0.5, -0.5]
    made.update_yaxes(**axis, ticktext=labels, range=down, automargin=True, ticklabelstandoff=6)
    numbers = [
        str(number) if len(names) <= _MOST_FIGURES or not number % 5 else "" for number in range(1, len(names) + 1)
    ]
    made.update_xaxes(**axis, ticktext=numbers, range=across, tickangle=0)


def _common(one: Stack, other: Stack) -> int:
    return sum(count for name, count in one.layers.items() if name in other.layers)


def _pair(one: Stack, other: Stack) -> str:
    if one is other:
        return hover(one.label, [("stored", size(one.whole)), ("layers", len(one.layers))])
    both, layers = _common(one, other), len(one.layers.keys() & other.layers.keys())
    facts = [
        ("with", other.label),
        ("in common", size(both)),
        ("of the first", share(both, one.whole)),
        ("layers", layers),
    ]
    return hover(one.label, facts)
