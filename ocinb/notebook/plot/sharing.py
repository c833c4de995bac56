"""What images share: bytes that each has alone beside those that others have too, or what each two have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ocinb._calls import check_choice, suggesting
from ocinb._text import human_size
from ocinb.frames import comparison, images
from ocinb.frames.collecting import Names
from ocinb.frames.opening import Platforms
from ocinb.notebook.plot import drawing, questions
from ocinb.notebook.plot.bars import Bar, hatched, largest, named_largest, solid
from ocinb.notebook.plot.questions import Picked, Subject, told
from ocinb.notebook.plot.words import counted, digest, hover, is_unknown, safe_path, share, size

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.notebook.plot.chart import Chart

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
        draws a matrix: what each two of them have in common.
    top
        How many images there are at most, the largest ones.
    title
        What stands above it; None makes one of the names.

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
    questions.most(top)
    check_choice("by", by, ("image", "pair"))
    if by == "pair":
        return _pairs(references, platform, top, title)
    return _bars(references, platform, top, title)


def _bars(references: Subject, platform: Platforms, top: int, title: str | None) -> Chart:
    def ask(names: Names) -> pd.DataFrame:
        return comparison.shared(names, platform=platform)

    frame = questions.frame_for(references, _BARS, ask, made_by="ocinb.shared", platform=platform)
    known = frame[frame["unique_bytes"].notna() & frame["shared_bytes"].notna()]
    title = title or f"Shared by {counted(len(frame), 'image')}"
    missing = questions.left_out(len(frame) - len(known), "image")
    pictures = list(questions.images(known))
    bars = [_bar(picked, name) for picked, name in questions.labelled(pictures)]
    if not bars:
        return drawing.nothing(title, missing or "there are no images to compare")
    shown = largest(bars, top, "images", is_sorted=True)
    alone, both = sum(bar.whole - bar.part for bar in bars), sum(bar.part for bar in bars)
    subtitle = told(
        questions.common(pictures),
        f"{human_size(alone)} unique",
        f"{human_size(both)} shared, counted in each image",
        missing,
    )
    alt = f"Stacked bars. {title}: {subtitle}. Largest: {named_largest(bars)}."
    made = drawing.chart(title=title, subtitle=subtitle, alt=alt, height=drawing.height_of(len(shown)), legend=True)
    most = max(bar.whole for bar in shown)
    common = {
        "y": list(range(len(shown))),
        "orientation": "h",
        "hovertext": [bar.hover for bar in shown],
        "hoverinfo": "text",
    }
    texts = [f"{round(100 * bar.part / bar.whole) if bar.whole else 0} &#37; shared" for bar in shown]
    outside = {"text": texts, "textposition": "outside", "cliponaxis": False, "textangle": 0}
    made.add_bar(x=[bar.part for bar in shown], name="shared", marker=hatched(drawing.SKY), **common)
    made.add_bar(x=[bar.whole - bar.part for bar in shown], name="unique", marker=solid(), **common, **outside)
    made.update_layout(barmode="stack", bargap=drawing.bar_gap())
    made.update_xaxes(**drawing.ticks(0, most), range=[0, 1.4 * most or 1])
    made.update_yaxes(**drawing.rows_axis([bar.label for bar in shown]))
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


@dataclass(frozen=True, slots=True)
class _Stack:
    """An image and its layers, each once."""

    label: str
    name: str
    layers: dict[str, int]

    @property
    def whole(self) -> int:
        return sum(self.layers.values())


def _pairs(references: Subject, platform: Platforms, top: int, title: str | None) -> Chart:
    def ask(names: Names) -> pd.DataFrame:
        return images.layers(names, platform=platform)

    frame = questions.frame_for(references, _PAIRS, ask, made_by="ocinb.layers", platform=platform)
    column = next((name for name in _DIGESTS if name in frame.columns), None)
    if column is None:  # says what is missing
        questions.frame_for(frame, ["digest"], ask, made_by="ocinb.layers", platform=None)
    pictures = list(questions.images(frame))
    stacks = [_stack(picked, name, str(column)) for picked, name in questions.labelled(pictures)]
    title = title or f"Shared by each two of {counted(len(stacks), 'image')}"
    missing = questions.left_out(sum(stack is None for stack in stacks), "image")
    known = [stack for stack in stacks if stack is not None]
    largest_ones = sorted(range(len(known)), key=lambda place: -known[place].whole)[:top]
    shown = [known[place] for place in sorted(largest_ones)]
    if not shown:
        return drawing.nothing(title, missing or "there are no images to compare")
    more = len(known) - len(shown)
    return _matrix(
        title,
        shown,
        told(questions.common(pictures), missing, f"{counted(more, 'smaller image')} not drawn" if more else ""),
    )


def _stack(picked: Picked, name: str, column: str) -> _Stack | None:
    rows = picked.rows[[column, "compressed_bytes"]].drop_duplicates(column)
    if rows.isna().any(axis=None):
        return None
    pairs = rows.itertuples(index=False, name=None)
    return _Stack(picked.label, name, {str(key): int(count) for key, count in pairs if not is_unknown(key)})


def _matrix(title: str, stacks: Sequence[_Stack], more: str) -> Chart:
    rows = [[_common(one, other) for other in stacks] for one in stacks]
    blobs = {name: count for stack in stacks for name, count in stack.layers.items()}
    logical, stored = sum(stack.whole for stack in stacks), sum(blobs.values())
    subtitle = told(f"{human_size(logical)} in all", f"{human_size(stored)} with each layer stored once", more)
    pairs = [(rows[a][b], stacks[a].name, stacks[b].name) for a in range(len(stacks)) for b in range(a)]
    closest = ", ".join(f"{one} and {other} {human_size(both)}" for both, one, other in sorted(pairs, reverse=True)[:3])
    alt = f"Matrix. {title}: {subtitle}." + (f" Most in common: {closest}." if closest else "")
    height = max(160, 40 * len(stacks))
    made = drawing.chart(title=title, subtitle=subtitle, alt=alt, height=height)
    places, labels = (
        list(range(len(stacks))),
        [f"{safe_path(stack.name, 20)}  {place}" for place, stack in enumerate(stacks, 1)],
    )
    is_small = len(stacks) <= 12  # noqa: PLR2004 - more figures than that cannot be read
    made.add_heatmap(
        z=rows,
        x=places,
        y=places,
        text=[[human_size(both) if is_small else "" for both in row] for row in rows],
        texttemplate="%{text}",
        hovertext=[[_pair(one, other) for other in stacks] for one in stacks],
        hoverinfo="text",
        colorscale="Cividis",
        zmin=0,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    axis = {"tickmode": "array", "tickvals": places, "showgrid": False, "zeroline": False, "fixedrange": True}
    across, down = [-0.5, len(stacks) - 0.5], [len(stacks) - 0.5, -0.5]
    made.update_yaxes(**axis, ticktext=labels, range=down, automargin=True, ticklabelstandoff=6)
    made.update_xaxes(**axis, ticktext=[str(place + 1) for place in places], range=across)
    return made


def _common(one: _Stack, other: _Stack) -> int:
    return sum(count for name, count in one.layers.items() if name in other.layers)


def _pair(one: _Stack, other: _Stack) -> str:
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
