"""The history beside the layers: which step of the build made which layer, and which made none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ocinb._text import counted
from ocinb.frames.document_rows import history_rows, layer_rows
from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.chapters.trouble import could_not
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.words import (
    Chapter,
    Code,
    Figure,
    Figures,
    Hash,
    Instruction,
    Note,
    Part,
    Prose,
    Row,
    Size,
    Spans,
    Table,
)

_STEPS = ("position", "layer", "instruction", "compressed_bytes")
_LAYERS = ("layer", "media_type", "digest", "compressed_bytes")
_TOLD = (
    "The history has one entry for each line of the Dockerfile, those of its base first. A step that changes files "
    "made a layer; one that changes the config only is marked as empty_layer, and made none. Without those, history "
    "and layers go in pairs."
)
_NO_PAIRS = (
    "The entries that made a layer are not as many as the layers, so nothing is paired: a guess would blame the wrong "
    "step."
)
_BLOBS = "An artifact has no history. Its blobs are what it carries."
_UNKNOWN = "An image of Docker's schema 1 does not say how large its layers are."


def tell(story: Gathered) -> Chapter:
    """Tell of the history, with the layers beside it."""
    title, image = "The history and the layers", story.read
    if image is None:
        why = could_not(story.image, "Without an image there are no layers.")
        return Chapter(title, ("there is none to show",), (why,), (clauses.CONFIG,))
    steps, layers = list(history_rows(image)) if story.runs else [], list(layer_rows(image))
    parts: list[Part] = [Prose((_TOLD if story.runs else _BLOBS,)), Figures(_figures(story, steps, layers))]
    if any(layer["compressed_bytes"] is None for layer in layers):
        parts.append(Note((_UNKNOWN,)))
    if steps:
        parts.append(_of_steps(story, steps))
    if steps and layers and all(step["layer"] is None for step in steps):
        parts.append(Note((_NO_PAIRS,)))
    parts.append(_of_layers(story, layers))
    return Chapter(title, _gist(steps, layers, runs=story.runs), tuple(parts), (clauses.CONFIG, clauses.MANIFEST))


def _gist(steps: Sequence[Mapping[str, Any]], layers: Sequence[Mapping[str, Any]], *, runs: bool) -> Spans:
    count = counted(len(layers), "layer" if runs else "blob")
    sizes: Spans = (", ", Size(_total(layers))) if layers and _total(layers) is not None else ()
    made = f"{counted(len(steps), 'step')}, " if steps else ""
    return (f"{made}{count}", *sizes)


def _total(layers: Sequence[Mapping[str, Any]]) -> int | None:
    sizes = [layer["compressed_bytes"] for layer in layers]
    return None if None in sizes else sum(sizes)


def _figures(
    story: Gathered, steps: Sequence[Mapping[str, Any]], layers: Sequence[Mapping[str, Any]]
) -> tuple[Figure, ...]:
    lines, named = story.lines, "layers" if story.runs else "blobs"
    figures = []
    if steps:
        empty = sum(step["empty_layer"] for step in steps)
        figures += [
            Figure("steps", (f"{len(steps):,}",), f"len({lines.call('history')})", len(steps)),
            Figure("without a layer", (f"{empty:,}",), lines.call("history", '["empty_layer"].sum()'), empty),
        ]
    figures.append(Figure(named, (f"{len(layers):,}",), f"len({lines.call('layers')})", len(layers)))
    total = _total(layers)
    if layers and total is not None:
        column = '["compressed_bytes"]'
        largest = max(layer["compressed_bytes"] for layer in layers)
        once = sum({layer["digest"]: layer["compressed_bytes"] for layer in layers}.values())
        figures.append(Figure("together", (Size(total),), lines.call("layers", f"{column}.sum()"), total))
        figures.append(Figure("the largest", (Size(largest),), lines.call("layers", f"{column}.max()"), largest))
        if once != total:
            line = lines.call("layers", f'.drop_duplicates("digest"){column}.sum()')
            figures.append(Figure("each stored once", (Size(once),), line, once))
    return tuple(figures)


def _of_steps(story: Gathered, steps: Sequence[Mapping[str, Any]]) -> Table:
    largest = max((step["compressed_bytes"] or 0 for step in steps), default=0) or 1
    rows = []
    for step in steps:
        size, layer = step["compressed_bytes"], step["layer"]
        made = "no\u00a0layer" if step["empty_layer"] else "?" if layer is None else f"layer\u00a0{layer}"
        cells: tuple[Spans, ...] = (
            (str(step["position"]),),
            (Instruction(step["instruction"]),),
            (made,),
            ("—",) if size is None else (Size(size),),
        )
        rows.append(Row(cells, "aside" if step["empty_layer"] else "", None if size is None else size / largest))
    value = [[step[name] for name in _STEPS] for step in steps]
    heads = ("#step", "instruction", "made", "#compressed")
    return Table("Step by step", heads, tuple(rows), story.lines.columns("history", *_STEPS), value)


def _of_layers(story: Gathered, layers: Sequence[Mapping[str, Any]]) -> Table:
    rows = tuple(
        Row(
            (
                (str(layer["layer"]),),
                (Code(layer["media_type"]),),
                (Hash(layer["digest"]),),
                (Size(layer["compressed_bytes"]),),
            )
        )
        for layer in layers
    )
    value = [[layer[name] for name in _LAYERS] for layer in layers]
    heads = ("#layer" if story.runs else "#blob", "media type", "digest", "#compressed")
    title = "The layers, from the base up" if story.runs else "The blobs"
    return Table(title, heads, rows, story.lines.columns("layers", *_LAYERS), value)
