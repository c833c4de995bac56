"""What images share: bytes that each has alone beside those that others have too, or what each two have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from ocinb._arguments import check_choice, suggesting
from ocinb._text import counted, human_size
from ocinb.frames import images, relations
from ocinb.frames.batch import Errors, Names
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot import drawing, questions
from ocinb.notebook.plot.bars import Bar, hatched, largest, named_largest, solid
from ocinb.notebook.plot.matrix import Stack, matrix
from ocinb.notebook.plot.questions import Picked, Subject, told
from ocinb.notebook.plot.words import digest, hover, is_unknown, safe_path, size

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
    questions.most(top)
    check_choice("by", by, ("image", "pair"))
    draw = _pairs if by == "pair" else _bars
    return draw(references, platform, top, title, errors)


def _bars(references: Subject, platform: Platforms, top: int, title: str | None, errors: Errors) -> Chart:
    def ask(names: Names) -> pd.DataFrame:
        return relations.shared(names, platform=platform, errors=errors)

    made_by = "ocinb.shared"
    frame, gaps = questions.frame_for(references, _BARS, ask, made_by=made_by, platform=platform, errors=errors)
    known = frame[frame["unique_bytes"].notna() & frame["shared_bytes"].notna()]
    title = title or f"Shared by {counted(len(frame), 'image')}"
    missing = questions.left_out(len(frame) - len(known), "image")
    more = told(missing, gaps.told(frame, "layers"))
    pictures = list(questions.images(known))
    bars = [_bar(picked, name) for picked, name in questions.labelled(pictures)]
    if not bars:
        return gaps.noted(drawing.nothing(title, told("" if missing else "there are no images to compare", more)))
    return gaps.noted(_bar_figure(title, pictures, bars, top, more))


def _bar_figure(title: str, pictures: Sequence[Picked], bars: Sequence[Bar], top: int, more: str) -> Chart:
    shown = largest(bars, top, "images", is_sorted=True)
    alone, both = sum(bar.whole - bar.part for bar in bars), sum(bar.part for bar in bars)
    subtitle = told(
        questions.common(pictures),
        f"{human_size(alone)} unique",
        f"{human_size(both)} shared, counted in each image",
        more,
    )
    alt = f"Stacked bars. {title}: {subtitle}. Largest: {named_largest(bars)}."
    made = drawing.chart(title=title, subtitle=subtitle, alt=alt, height=drawing.height_of(len(shown)), legend=True)
    most = max(bar.drawn for bar in shown)
    common = {
        "y": list(range(len(shown))),
        "orientation": "h",
        "hovertext": [bar.hover for bar in shown],
        "hoverinfo": "text",
    }
    texts = [bar.text(f"{round(100 * bar.part / bar.whole) if bar.whole else 0} &#37; shared") for bar in shown]
    outside = {"text": texts, "textposition": "outside", "cliponaxis": False, "textangle": 0}
    made.add_bar(x=[bar.drawn_part for bar in shown], name="shared", marker=hatched(drawing.SKY), **common)
    made.add_bar(x=[bar.drawn - bar.drawn_part for bar in shown], name="unique", marker=solid(), **common, **outside)
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


def _pairs(references: Subject, platform: Platforms, top: int, title: str | None, errors: Errors) -> Chart:
    def ask(names: Names) -> pd.DataFrame:
        return images.layers(names, platform=platform, errors=errors)

    made_by = "ocinb.layers"
    frame, gaps = questions.frame_for(references, _PAIRS, ask, made_by=made_by, platform=platform, errors=errors)
    column = next((name for name in _DIGESTS if name in frame.columns), None)
    if column is None:  # says what is missing
        questions.given(frame, ["digest"], made_by=made_by, platform=None)
    pictures = list(questions.images(frame))
    stacks = [_stack(picked, name, str(column)) for picked, name in questions.labelled(pictures)]
    title = title or f"Shared by each two of {counted(len(stacks), 'image')}"
    missing = questions.left_out(sum(stack is None for stack in stacks), "image")
    known = [stack for stack in stacks if stack is not None]
    largest_ones = sorted(range(len(known)), key=lambda place: -known[place].whole)[:top]
    shown = [known[place] for place in sorted(largest_ones)]
    told_gaps = gaps.told(frame, "layers")
    if not shown:
        why = missing or "there are no images to compare"
        return gaps.noted(drawing.nothing(title, told(why, told_gaps)))
    more = len(known) - len(shown)
    not_drawn = f"{counted(more, 'smaller image')} not drawn" if more else ""
    return gaps.noted(matrix(title, shown, told(questions.common(pictures), missing, not_drawn, told_gaps)))


def _stack(picked: Picked, name: str, column: str) -> Stack | None:
    rows = picked.rows[[column, "compressed_bytes"]].drop_duplicates(column)
    if rows.isna().any(axis=None):
        return None
    pairs = rows.itertuples(index=False, name=None)
    return Stack(picked.label, name, {str(key): int(count) for key, count in pairs if not is_unknown(key)})
