"""A waterfall: the size of an image as it grew, instruction by instruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocinb._arguments import suggesting
from ocinb._text import counted, human_size, shorten
from ocinb.frames import images
from ocinb.frames.batch import Errors, Names
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot import figure, inputs, palette
from ocinb.notebook.plot.figure import digest, hover, is_unknown, safe, safe_path, size
from ocinb.notebook.plot.inputs import Picked, Subject, nothing_told, told

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.notebook.plot.chart import Chart


_COLUMNS = ["reference", "platform", "position", "layer", "empty_layer", "instruction", "compressed_bytes"]


@suggesting
def waterfall(
    reference: Subject,
    *,
    platform: Platforms = None,
    empty: bool = True,
    top: int = 60,
    title: str | None = None,
    errors: Errors = "raise",
) -> Chart:
    """Draw how an image grew with each instruction of its history, as a waterfall that ends in its size.

    Documents alone are read, no layer.

    Parameters
    ----------
    reference
        The name of an image, or several, which are drawn below each other; or a frame that `ocinb.history` gave.
    platform
        As for `ocinb.history`; a frame has its platforms already.
    empty
        Whether instructions that made no layer, such as ENV and CMD, have a line too.
    top
        How many steps of an image there are at most; small ones that follow each other are gathered into one.
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
    Sizes are compressed. Where history and layers do not fit together, no step has a size, and the title says so.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.history(registry.reference("demo/shop:2.0"), platform="amd64")
    >>> figure = ocinb.plot.waterfall(frame, empty=False)
    >>> [int(size) for size in figure.data[0].x[:2]], figure.data[0].measure[-1]
    ([1542013, 163572], 'total')
    >>> bool(sum(figure.data[0].x[:-1]) == frame["compressed_bytes"].sum())
    True
    """
    inputs.most(top)

    def ask(names: Names) -> pd.DataFrame:
        return images.history(names, platform=platform, errors=errors)

    made_by = "ocinb.history"
    frame, gaps = inputs.frame_for(reference, _COLUMNS, ask, made_by=made_by, platform=platform, errors=errors)
    pictures = list(inputs.images_in(frame))
    title = title or f"Growth of {inputs.called(pictures, gaps)} by step"
    falls = [(picked, _steps(picked, top, empty=empty)) for picked in pictures]
    missing = sum(_unsized(picked) for picked in pictures)
    more = told(inputs.left_out(missing, "step"), gaps.told(frame, "steps"))
    if any(steps for _, steps in falls):
        return gaps.noted(_figure(title, falls, more))
    why = "" if missing else "it has no step that made a layer" if pictures else nothing_told(gaps, "steps")
    return gaps.noted(figure.nothing(title, told(why, more)))


@dataclass(frozen=True, slots=True)
class _Step:
    """An instruction and by how many bytes the image grew with it."""

    label: str
    hover: str
    name: str
    grown: int
    steps: int = 1


def _unsized(picked: Picked) -> int:
    rows = picked.rows
    return int((rows["compressed_bytes"].isna() & ~rows["empty_layer"].fillna(value=False).astype(bool)).sum())


def _steps(picked: Picked, top: int, *, empty: bool) -> list[_Step]:
    steps = []
    for row in picked.rows.to_dict("records"):
        is_empty = not is_unknown(row["empty_layer"]) and bool(row["empty_layer"])
        if not is_empty and not is_unknown(row["compressed_bytes"]):
            steps.append(_step(row, int(row["compressed_bytes"])))
        elif is_empty and empty:
            steps.append(_step(row, 0))
    return _gathered(steps, top)


def _step(row: dict[Any, Any], grown: int) -> _Step:
    text = "(instruction unknown)" if is_unknown(row["instruction"]) else str(row["instruction"])
    facts = [
        ("grown by", size(grown) if grown else "nothing"),
        ("step", row["position"]),
        ("layer", row["layer"]),
        ("digest", digest(row.get("layer_digest"))),
        ("made", None if is_unknown(row.get("created")) else f"{row['created']:%Y-%m-%d %H:%M} UTC"),
    ]
    return _Step(safe(text), hover(text, facts), shorten(text, 60), grown)


def _gathered(steps: Sequence[_Step], top: int) -> list[_Step]:
    """Put runs of small steps together, so that what remains is the largest in their order."""
    kept = set(sorted(range(len(steps)), key=lambda place: -steps[place].grown)[:top])
    result: list[_Step] = []
    for place, step in enumerate(steps):
        if place in kept:
            result.append(step)
        elif result and result[-1].steps > 1:
            result[-1] = _more(result[-1].steps + 1, result[-1].grown + step.grown)
        elif result and place - 1 not in kept:
            result[-1] = _more(2, result[-1].grown + step.grown)
        else:
            result.append(step)
    return result


def _more(count: int, grown: int) -> _Step:
    return _Step(f"… {count:,} steps", hover(f"… {count:,} steps", [("grown by", size(grown))]), "", grown, count)


def _figure(title: str, falls: Sequence[tuple[Picked, Sequence[_Step]]], more: str) -> Chart:
    total = sum(step.grown for _, steps in falls for step in steps)
    number = sum(step.steps for _, steps in falls for step in steps)
    subtitle = told(
        inputs.place_of([picked for picked, _ in falls]),
        f"{human_size(total)} compressed in {counted(number, 'step')}",
        more,
    )
    largest = sorted((step for _, steps in falls for step in steps if step.name), key=lambda step: -step.grown)[:3]
    listed = ", ".join(f"{step.name} (+{human_size(step.grown)})" for step in largest)
    alt = f"Waterfall. {title}: {subtitle}. Largest steps: {listed}."
    rows = figure.Rows.of(has_bar for _, steps in falls for has_bar in (*(bool(step.grown) for step in steps), True))
    made = figure.chart(title=title, subtitle=subtitle, alt=alt, height=rows.height)
    labels: list[str] = []
    named = inputs.labelled([picked for picked, _ in falls])
    for (picked, steps), (_, name) in zip(falls, named, strict=True):
        places = rows.middles[len(labels) : len(labels) + len(steps) + 1]
        labels += _add_fall(made, picked, "the image" if len(falls) == 1 else name, steps, places)
    most = max(sum(step.grown for step in steps) for _, steps in falls)
    made.update_traces(width=rows.bar)
    made.update_layout(waterfallmode="overlay")
    made.update_xaxes(**figure.ticks(0, most), range=[0, 1.35 * most or 1])
    made.update_yaxes(**rows.axis(labels))
    return made


def _add_fall(made: Chart, picked: Picked, name: str, steps: Sequence[_Step], places: Sequence[float]) -> list[str]:
    """Draw the steps of one image at their places, which begin at nothing and end in its size; give their labels."""
    whole = sum(step.grown for step in steps)
    grown = [f"+{human_size(step.grown)}" if step.grown else "" for step in steps]
    made.add_waterfall(
        x=[*(step.grown for step in steps), whole],
        y=places,
        measure=[*("relative" for _ in steps), "total"],
        text=[*grown, human_size(whole)],
        hovertext=[*(step.hover for step in steps), hover(picked.label, [("compressed", size(whole))])],
        hoverinfo="text",
        orientation="h",
        textposition="outside",
        textangle=0,
        cliponaxis=False,
        increasing={"marker": {"color": palette.BLUE}},
        totals={"marker": {"color": palette.GREEN}},
        connector={"line": {"color": palette.FAINT, "width": 1}},
        showlegend=False,
    )
    return [*(step.label for step in steps), f"<b>{safe_path(name)}</b>"]
