"""Compression: what a layer weighs on the wire, beside the tar that it unpacks to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocinb._arguments import suggesting
from ocinb._text import counted, human_size
from ocinb.frames import images
from ocinb.frames.batch import Errors, Names
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot import figure, inputs, palette
from ocinb.notebook.plot.bars import Bar, hatched, largest, named_largest, solid
from ocinb.notebook.plot.figure import TIMES
from ocinb.notebook.plot.inputs import Subject, nothing_told, told
from ocinb.notebook.plot.layer_figures import COLUMNS, layer_bars
from ocinb.progress.protocol import Progress

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.notebook.plot.chart import Chart


@suggesting
def compression(
    reference: Subject,
    *,
    platform: Platforms = None,
    top: int = 30,
    title: str | None = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> Chart:
    """Draw for each layer its compressed bytes beside those of its tar, and by how much that is less.

    Parameters
    ----------
    reference
        The name of an image, or several; or a frame that ``ocinb.layers(…, depth="files")`` gave.
    platform
        As for `ocinb.layers`; a frame has its platforms already.
    top
        How many layers there are at most; the small ones are gathered into one.
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
    The ratio is tar by compressed: 2.5 means that 10 MB travel as 4 MB. Layers of which one size is unknown are left
    out, and the title says so; those of a frame with ``depth="metadata"`` all are.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     name = registry.reference("demo/shop:2.0")
    ...     frame = ocinb.layers(name, platform="amd64", depth="files", progress=False)
    >>> figure = ocinb.plot.compression(frame)
    >>> [int(size) for size in figure.data[0].x] == frame["tar_bytes"].tolist()
    True
    >>> figure.data[1].text[6][:3]
    '1.0'
    """
    inputs.most(top)

    def ask(names: Names) -> pd.DataFrame:
        return images.layers(names, platform=platform, depth="files", errors=errors, progress=progress)

    made_by = "ocinb.layers(…, depth='files')"
    columns = [*COLUMNS, "tar_bytes"]
    frame, gaps = inputs.frame_for(reference, columns, ask, made_by=made_by, platform=platform, errors=errors)
    pictures = list(inputs.images_in(frame))
    title = title or f"Compression of {inputs.called(pictures, gaps)}"
    known = frame[frame["tar_bytes"].notna() & frame["compressed_bytes"].notna()]
    missing = len(frame) - len(known)
    bars = [
        bar
        for picked, name in inputs.labelled(list(inputs.images_in(known)))
        for bar in layer_bars(picked, "tar_bytes", part="compressed_bytes", image=name if len(pictures) > 1 else "")
    ]
    more = told(inputs.left_out(missing, "layer"), gaps.told(frame, "layers"))
    if not bars:
        why = "" if missing else nothing_told(gaps, "layers")
        return gaps.noted(figure.nothing(title, told(why, more)))
    shown = largest(bars, top, "layers", is_sorted=False)
    return gaps.noted(_figure(title, inputs.place_of(pictures), bars, shown, more))


def _figure(title: str, platforms: str, bars: Sequence[Bar], shown: Sequence[Bar], more: str) -> Chart:
    tar, packed = sum(bar.whole for bar in bars), sum(bar.part for bar in bars)
    subtitle = told(
        platforms,
        f"{human_size(tar)} of tars in {human_size(packed)}, {_ratio(tar, packed)}",
        counted(len(bars), "layer"),
        more,
    )
    listed = named_largest(bars)
    alt = f"Pairs of bars. {title}: {subtitle}. Largest tars: {listed}."
    made = figure.chart(
        title=title, subtitle=subtitle, alt=alt, height=figure.height_of(len(shown), bars=2), legend=True
    )
    most = max(max(bar.drawn, bar.drawn_part) for bar in shown)
    common = {
        "y": list(range(len(shown))),
        "orientation": "h",
        "hovertext": [f"{bar.hover}<br>ratio: {_ratio(bar.whole, bar.part)}" for bar in shown],
        "hoverinfo": "text",
    }
    made.add_bar(x=[bar.drawn for bar in shown], name="tar", marker=hatched(palette.SKY), **common)
    made.add_bar(
        x=[bar.drawn_part for bar in shown],
        name="compressed",
        marker=solid(),
        text=[bar.text(_ratio(bar.whole, bar.part)) for bar in shown],
        textposition="outside",
        cliponaxis=False,
        textangle=0,
        **common,
    )
    made.update_layout(barmode="group", bargap=figure.bar_gap(2), bargroupgap=0.05)
    made.update_xaxes(**figure.ticks(0, most), range=[0, 1.2 * most or 1])
    made.update_yaxes(**figure.rows_axis([bar.label for bar in shown], bars=2))
    return made


def _ratio(tar: int, packed: int) -> str:
    return f"{tar / packed:.1f}{TIMES}" if packed else "no ratio"
