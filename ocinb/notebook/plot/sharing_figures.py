"""What images share: bytes that each has alone beside those that others have too, or what each two have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ocinb._arguments import check_choice, suggesting
from ocinb._text import counted, human_size
from ocinb.frames import images, relations
from ocinb.frames.batch import Errors, Names
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot import figure, inputs, palette
from ocinb.notebook.plot.bars import Bar, hatched, largest, named_largest, solid
from ocinb.notebook.plot.figure import digest, hover, is_unknown, safe_path, share, size
from ocinb.notebook.plot.inputs import Picked, Subject, told
from ocinb.notebook.plot.palette import TEXT

if TYPE_CHECKING:
    import pandas as pd

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
    """Draw a cell for each two images, and on the diagonal how large each is."""
    rows = [[_common(one, other) for other in stacks] for one in stacks]
    blobs = {name: count for stack in stacks for name, count in stack.layers.items()}
    logical, stored = sum(stack.whole for stack in stacks), sum(blobs.values())
    subtitle = told(f"{human_size(logical)} in all", f"{human_size(stored)} with each layer stored once", more)
    pairs = [(rows[a][b], stacks[a].name, stacks[b].name) for a in range(len(stacks)) for b in range(a)]
    closest = ", ".join(f"{one} and {other} {human_size(both)}" for both, one, other in sorted(pairs, reverse=True)[:3])
    alt = f"Matrix. {title}: {subtitle}." + (f" Most in common: {closest}." if closest else "")
    is_small, has_scale = len(stacks) <= _MOST_FIGURES, len(stacks) > _MOST_LARGE
    height = max(_LOWEST, (_CELL if is_small else _LOW_CELL) * len(stacks))
    made = figure.chart(title=title, subtitle=subtitle, alt=alt, height=height, legend=has_scale)
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
    axis = figure.ticks(0, most)
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


By = Literal["image", "pair"]
_BARS = ["reference", "platform", "manifest_digest", "compressed_bytes", "unique_bytes", "shared_bytes"]
_PAIRS = ["reference", "compressed_bytes"]
_DIGESTS = ("digest", "layer_digest")


@suggesting
def shared(
    references: Subject,
    *,
    platform: Platforms = None,
    by: By = "image",
    top: int = 30,
    title: str | None = None,
    errors: Errors = "raise",
) -> Chart:
    """Draw how much images have in common.

    Documents alone are read, no layer.

    Parameters
    ----------
    references
        The names of images; or a frame. With ``by="image"`` it is one of `ocinb.shared`, with ``by="pair"`` one of
        `ocinb.layers`, or what a catalogue answers with the columns reference, layer_digest and compressed_bytes (and
        platform, if there are several).
    platform
        As for `ocinb.shared`; a frame has its platforms already.
    by
        ``"image"`` draws a bar for each image: what it has alone, and what others of the list have as well. ``"pair"``
        draws a matrix: what each two of them have in common, and on the diagonal, without a colour, their own sizes.
    top
        How many images there are at most, the largest ones.
    title
        What stands above it; None makes one of the names.
    errors
        ``"raise"``, or ``"skip"`` to leave out names that fail; the title says so, and ``figure.failures`` says why.
        Beside images, what is none, such as the tag of a signature, is left out in any case, and counted in the title.

    Returns
    -------
    Figure
        A plotly figure.

    Raises
    ------
    InvalidError
        If a frame lacks columns, or an option is none.
    NotFoundError
        If nothing has that name, or it has no such platform.
    OcinbError
        If plotly is not installed: ``pip install 'ocinb[plot]'``. It is an `ImportError` too.

    Notes
    -----
    A layer is shared if another image of the list has the same blob, by its digest; sizes are compressed, and a layer
    that stands twice in an image counts once. Images of unknown size are left out, and the title says so.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     names = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "2.0")]
    ...     frame = ocinb.shared(names, platform="amd64")
    ...     pairs = ocinb.plot.shared(names, platform="amd64", by="pair")
    >>> figure = ocinb.plot.shared(frame)
    >>> sorted(int(size) for size in figure.data[0].x) == sorted(frame["shared_bytes"])
    True
    >>> bool(pairs.data[0].z[0][1] == frame["shared_bytes"].min())
    True
    """
    inputs.most(top)
    check_choice("by", by, ("image", "pair"))
    draw = _pairs if by == "pair" else _bars
    return draw(references, platform, top, title, errors)


def _bars(references: Subject, platform: Platforms, top: int, title: str | None, errors: Errors) -> Chart:
    def ask(names: Names) -> pd.DataFrame:
        return relations.shared(names, platform=platform, errors=errors)

    made_by = "ocinb.shared"
    frame, gaps = inputs.frame_for(references, _BARS, ask, made_by=made_by, platform=platform, errors=errors)
    known = frame[frame["unique_bytes"].notna() & frame["shared_bytes"].notna()]
    title = title or f"Shared by {counted(len(frame), 'image')}"
    missing = inputs.left_out(len(frame) - len(known), "image")
    more = told(missing, gaps.told(frame, "layers"))
    pictures = list(inputs.images_in(known))
    bars = [_bar(picked, name) for picked, name in inputs.labelled(pictures)]
    if not bars:
        return gaps.noted(figure.nothing(title, told("" if missing else "there are no images to compare", more)))
    return gaps.noted(_bar_figure(title, pictures, bars, top, more))


def _bar_figure(title: str, pictures: Sequence[Picked], bars: Sequence[Bar], top: int, more: str) -> Chart:
    shown = largest(bars, top, "images", is_sorted=True)
    alone, both = sum(bar.whole - bar.part for bar in bars), sum(bar.part for bar in bars)
    subtitle = told(
        inputs.common(pictures),
        f"{human_size(alone)} unique",
        f"{human_size(both)} shared, counted in each image",
        more,
    )
    alt = f"Stacked bars. {title}: {subtitle}. Largest: {named_largest(bars)}."
    made = figure.chart(title=title, subtitle=subtitle, alt=alt, height=figure.height_of(len(shown)), legend=True)
    most = max(bar.drawn for bar in shown)
    common = {
        "y": list(range(len(shown))),
        "orientation": "h",
        "hovertext": [bar.hover for bar in shown],
        "hoverinfo": "text",
    }
    texts = [bar.text(f"{round(100 * bar.part / bar.whole) if bar.whole else 0} &#37; shared") for bar in shown]
    outside = {"text": texts, "textposition": "outside", "cliponaxis": False, "textangle": 0}
    made.add_bar(x=[bar.drawn_part for bar in shown], name="shared", marker=hatched(palette.SKY), **common)
    made.add_bar(x=[bar.drawn - bar.drawn_part for bar in shown], name="unique", marker=solid(), **common, **outside)
    made.update_layout(barmode="stack", bargap=figure.bar_gap())
    made.update_xaxes(**figure.ticks(0, most), range=[0, 1.4 * most or 1])
    made.update_yaxes(**figure.rows_axis([bar.label for bar in shown]))
    return made


def _bar(picked: Picked, name: str) -> Bar:
    row: dict[Any, Any] = picked.rows.iloc[0].to_dict()
    both, alone = int(row["shared_bytes"]), int(row["unique_bytes"])
    facts = [
        ("stored", size(both + alone)),
        ("unique", size(alone)),
        ("shared", size(both)),
        ("layers", row.get("layers")),
        ("shared layers", row.get("shared_layers")),
        ("manifest", digest(row["manifest_digest"])),
    ]
    return Bar(safe_path(name), hover(picked.label, facts), both + alone, both, name)


def _pairs(references: Subject, platform: Platforms, top: int, title: str | None, errors: Errors) -> Chart:
    def ask(names: Names) -> pd.DataFrame:
        return images.layers(names, platform=platform, errors=errors)

    made_by = "ocinb.layers"
    frame, gaps = inputs.frame_for(references, _PAIRS, ask, made_by=made_by, platform=platform, errors=errors)
    column = next((name for name in _DIGESTS if name in frame.columns), None)
    if column is None:  # says what is missing
        inputs.given(frame, ["digest"], made_by=made_by, platform=None)
    pictures = list(inputs.images_in(frame))
    stacks = [_stack(picked, name, str(column)) for picked, name in inputs.labelled(pictures)]
    title = title or f"Shared by each two of {counted(len(stacks), 'image')}"
    missing = inputs.left_out(sum(stack is None for stack in stacks), "image")
    known = [stack for stack in stacks if stack is not None]
    largest_ones = sorted(range(len(known)), key=lambda place: -known[place].whole)[:top]
    shown = [known[place] for place in sorted(largest_ones)]
    told_gaps = gaps.told(frame, "layers")
    if not shown:
        why = missing or "there are no images to compare"
        return gaps.noted(figure.nothing(title, told(why, told_gaps)))
    more = len(known) - len(shown)
    not_drawn = f"{counted(more, 'smaller image')} not drawn" if more else ""
    return gaps.noted(matrix(title, shown, told(inputs.common(pictures), missing, not_drawn, told_gaps)))


def _stack(picked: Picked, name: str, column: str) -> Stack | None:
    rows = picked.rows[[column, "compressed_bytes"]].drop_duplicates(column)
    if rows.isna().any(axis=None):
        return None
    pairs = rows.itertuples(index=False, name=None)
    return Stack(picked.label, name, {str(key): int(count) for key, count in pairs if not is_unknown(key)})
