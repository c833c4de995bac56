"""The layers of images as bars: below each other with their instructions, or stacked into their image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from ocinb._arguments import check_choice, suggesting
from ocinb._text import counted, human_size, shorten
from ocinb.frames import images
from ocinb.frames.batch import Errors, Names
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot import figure, inputs, palette
from ocinb.notebook.plot.bars import Bar, hatched, largest, named_largest, solid
from ocinb.notebook.plot.figure import Fact, digest, hover, is_unknown, safe, safe_path, size
from ocinb.notebook.plot.inputs import Picked, Subject, nothing_told, told
from ocinb.progress.protocol import Progress

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.notebook.plot.chart import Chart


COLUMNS = ["reference", "platform", "layer", "digest", "compressed_bytes", "instruction"]
_NAME_CHARACTERS = 60


def instruction_of(row: dict[Any, Any]) -> str:
    """Give what the Dockerfile said, or that nobody knows."""
    return "(instruction unknown)" if is_unknown(row["instruction"]) else str(row["instruction"])


def name_of(row: dict[Any, Any]) -> str:
    """Call a layer in words."""
    return f"layer {row['layer']}, {shorten(instruction_of(row), _NAME_CHARACTERS)}"


def label_of(row: dict[Any, Any], image: str = "") -> str:
    """Call a layer beside its bar; among several images with the image in front."""
    text = f"{row['layer']}  {instruction_of(row)}"
    return f"{safe(image, 24)}  {safe(text, 24)}" if image else safe(text)


def facts_of(row: dict[Any, Any]) -> list[Fact]:
    """Say all that is known of a layer."""
    known = {name: value for name, value in row.items() if not is_unknown(value)}
    sizes = [("compressed", "compressed_bytes"), ("tar", "tar_bytes"), ("hidden", "hidden_bytes")]
    return [
        ("instruction", instruction_of(row)),
        *((name, size(known[column])) for name, column in sizes if column in known),
        ("files", f"{known['files']:,}" if "files" in known else None),
        ("compression", known.get("compression")),
        ("digest", digest(known.get("digest"))),
        ("made", f"{known['created']:%Y-%m-%d %H:%M} UTC" if "created" in known else None),
    ]


def layer_bars(picked: Picked, column: str, *, part: str = "", image: str = "") -> list[Bar]:
    """Make a bar for each layer of an image whose size is known."""
    rows: list[dict[Any, Any]] = picked.rows.to_dict("records")
    return [_bar(row, column, part, image) for row in rows if not is_unknown(row[column])]


def _bar(row: dict[Any, Any], column: str, part: str, image: str) -> Bar:
    told = row.get(part) if part else 0
    shown = hover(f"{image} layer {row['layer']}".strip(), facts_of(row))
    hidden = 0 if is_unknown(told) else int(told or 0)
    return Bar(label_of(row, image), shown, int(row[column]), hidden, f"{image} {name_of(row)}".strip())


By = Literal["layer", "size", "image"]
_VIEWS = ("layer", "size", "image")


@suggesting
def layers(
    reference: Subject,
    *,
    platform: Platforms = None,
    by: By | None = None,
    depth: Literal["metadata", "files"] = "metadata",
    top: int = 40,
    title: str | None = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> Chart:
    """Draw the layers of an image as bars, with the instruction that made each.

    Parameters
    ----------
    reference
        The name of an image, or several; or a frame that `ocinb.layers` gave.
    platform
        As for `ocinb.layers`; a frame has its platforms already.
    by
        ``"layer"`` draws a bar for each layer, the base on top; ``"size"`` the same, the largest on top; ``"image"``
        stacks the layers of each image into one bar, where those that several images share have a colour. None is
        ``"layer"`` for one image and ``"image"`` for several.
    depth
        ``"metadata"`` draws compressed sizes; ``"files"`` reads the layers, and draws what they unpack to, with what
        nothing shows in the end told apart. A frame is drawn by what it has.
    top
        How many bars there are at most; the small ones are gathered into one.
    title
        What stands above it; None makes one of the names.
    errors
        ``"raise"``, or ``"skip"`` to leave out names that fail; the title says so, and ``figure.failures`` says why.
        Beside images, what is none, such as the tag of a signature, is left out in any case, and counted in the title.
    progress
        As for `ocinb.files`.

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
    Layers of unknown size, as in Docker's schema 1, are left out, and the title says so.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.layers(registry.reference("demo/shop:2.0"), platform="amd64")
    >>> figure = ocinb.plot.layers(frame, by="size")
    >>> [int(size) for size in figure.data[0].x[:2]], frame["compressed_bytes"].nlargest(2).tolist()
    ([2809154, 1542013], [2809154, 1542013])
    """
    inputs.most(top)
    if by is not None:
        check_choice("by", by, _VIEWS)

    def ask(names: Names) -> pd.DataFrame:
        return images.layers(names, platform=platform, depth=depth, errors=errors, progress=progress)

    made_by = "ocinb.layers"
    frame, gaps = inputs.frame_for(reference, COLUMNS, ask, made_by=made_by, platform=platform, errors=errors)
    pictures = list(inputs.images_in(frame))
    title, more = title or f"Layers of {inputs.called(pictures, gaps)}", gaps.told(frame, "layers")
    if not pictures:
        made = figure.nothing(title, told(nothing_told(gaps, "layers"), more))
    elif (by or ("image" if len(pictures) > 1 else "layer")) == "image":
        made = _stacked(title, pictures, top, more)
    else:
        made = _below_each_other(title, pictures, top, more, is_sorted=by == "size")
    return gaps.noted(made)


def _is_unpacked(pictures: Sequence[Picked]) -> bool:
    return all("tar_bytes" in picked.rows and picked.rows["tar_bytes"].notna().any() for picked in pictures)


def _below_each_other(title: str, pictures: Sequence[Picked], top: int, more: str, *, is_sorted: bool) -> Chart:
    unpacked, several = _is_unpacked(pictures), len(pictures) > 1
    column, part = ("tar_bytes", "hidden_bytes") if unpacked else ("compressed_bytes", "")
    known = [
        bar
        for picked, name in inputs.labelled(pictures)
        for bar in layer_bars(picked, column, part=part, image=name if several else "")
    ]
    missing = sum(len(picked.rows) for picked in pictures) - len(known)
    if not known:
        return figure.nothing(title, told(inputs.left_out(missing, "layer"), more))
    bars = largest(known, top, "layers", is_sorted=is_sorted)
    total, hidden = sum(bar.whole for bar in known), sum(bar.part for bar in known)
    kind = "unpacked" if unpacked else "compressed"
    subtitle = told(
        inputs.place_of(pictures),
        f"{human_size(total)} {kind} in {counted(len(known), 'layer')}",
        f"{human_size(hidden)} hidden" if hidden else "",
        inputs.left_out(missing, "layer"),
        more,
    )
    alt = f"Bars. {title}: {subtitle}. Largest: {named_largest(known)}."
    made = figure.chart(
        title=title, subtitle=subtitle, alt=alt, height=figure.height_of(len(bars)), legend=bool(hidden)
    )
    _add_bars(made, bars, is_split=unpacked)
    return made


def _add_bars(made: Chart, bars: Sequence[Bar], *, is_split: bool) -> None:
    places, most = list(range(len(bars))), max(bar.drawn for bar in bars)
    texts = [bar.text(human_size(bar.whole)) for bar in bars]
    common = {"y": places, "orientation": "h", "hovertext": [bar.hover for bar in bars], "hoverinfo": "text"}
    numbers = {"text": texts, "textposition": "outside", "cliponaxis": False, "textangle": 0}
    if is_split:
        made.add_bar(x=[bar.drawn - bar.drawn_part for bar in bars], name="not hidden", marker=solid(), **common)
        made.add_bar(
            x=[bar.drawn_part for bar in bars], name="hidden", marker=hatched(palette.HIDDEN), **common, **numbers
        )
    else:
        made.add_bar(x=[bar.drawn for bar in bars], name="compressed", marker=solid(), **common, **numbers)
    made.update_layout(barmode="stack", bargap=figure.bar_gap(), uniformtext={"minsize": 9, "mode": "hide"})
    made.update_xaxes(**figure.ticks(0, most), range=[0, 1.25 * most or 1])
    made.update_yaxes(**figure.rows_axis([bar.label for bar in bars]))


def _stacked(title: str, pictures: Sequence[Picked], top: int, gaps: str) -> Chart:
    unpacked = _is_unpacked(pictures)
    column = "tar_bytes" if unpacked else "compressed_bytes"
    named = inputs.labelled(pictures)[:top]
    stacks = [(picked, layer_bars(picked, column, image=name)) for picked, name in named]
    missing = sum(len(picked.rows) - len(bars) for picked, bars in stacks)
    total = sum(bar.whole for _, bars in stacks for bar in bars)
    more = len(pictures) - len(stacks)
    subtitle = told(
        inputs.common(pictures),
        f"{human_size(total)} {'unpacked' if unpacked else 'compressed'} in {counted(len(stacks), 'image')}",
        "layers that several share are coloured alike",
        f"{counted(more, 'more image')} not drawn" if more else "",
        inputs.left_out(missing, "layer"),
        gaps,
    )
    sizes = [(name, sum(bar.whole for bar in bars)) for (_, name), (_, bars) in zip(named, stacks, strict=True)]
    listed = ", ".join(f"{name} {human_size(whole)}" for name, whole in sizes[:10])
    alt = f"Stacked bars. {title}: {subtitle}. {listed}."
    made = figure.chart(title=title, subtitle=subtitle, alt=alt, height=figure.height_of(len(stacks)))
    _add_stacks(made, stacks, column)
    most = max((whole for _, whole in sizes), default=0)
    for place, (_, whole) in enumerate(sizes):
        made.add_annotation(x=whole, y=place, text=human_size(whole), showarrow=False, xanchor="left", xshift=6)
    made.update_layout(barmode="stack", bargap=figure.bar_gap(), uniformtext={"minsize": 9, "mode": "hide"})
    made.update_xaxes(**figure.ticks(0, most), range=[0, 1.25 * most or 1])
    made.update_yaxes(**figure.rows_axis([safe_path(name) for name, _ in sizes]))
    return made


def _add_stacks(made: Chart, stacks: Sequence[tuple[Picked, Sequence[Bar]]], column: str) -> None:
    colors = _shared_colors([picked for picked, _ in stacks])
    fills = [[colors.get(key, palette.GREY) for key in _digests(picked, column)] for picked, _ in stacks]
    for number in range(max((len(bars) for _, bars in stacks), default=0)):
        rows = [place for place, (_, bars) in enumerate(stacks) if number < len(bars)]
        made.add_bar(
            x=[stacks[place][1][number].whole for place in rows],
            y=rows,
            orientation="h",
            hovertext=[stacks[place][1][number].hover for place in rows],
            hoverinfo="text",
            text=[str(number)] * len(rows),
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": [palette.text_on(fills[place][number]) for place in rows]},
            textangle=0,
            marker={
                "color": [fills[place][number] for place in rows],
                "line": {"width": 1, "color": "rgba(255, 255, 255, 0.7)"},
            },
            showlegend=False,
        )


def _digests(picked: Picked, column: str) -> list[Any]:
    return picked.rows.loc[picked.rows[column].notna(), "digest"].tolist()


def _shared_colors(pictures: Sequence[Picked]) -> dict[Any, str]:
    """Give a colour to each layer that stands in several images, the same in all of them."""
    counts = Counter(key for picked in pictures for key in dict.fromkeys(picked.rows["digest"].dropna()))
    several = [key for key, images in counts.items() if images > 1]
    return {key: palette.PALETTE[number % len(palette.PALETTE)] for number, key in enumerate(several)}
