"""The history beside the layers: which step of the build made which layer, and which made none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ocinb._text import counted
from ocinb.frames.document_rows import history_rows, layer_rows
from ocinb.notebook.explain.chapters_access import could_not
from ocinb.notebook.explain.collect import ImageFacts
from ocinb.notebook.explain.story import (
    CHAIN_ID_SPEC,
    CONFIG_SPEC,
    DIFF_ID_SPEC,
    MANIFEST_SPEC,
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
    Setup,
    Size,
    Spans,
    Strong,
    Table,
)
from ocinb.sources.images import Image
from ocinb.spec.digest import Digest

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


def history_chapter(story: ImageFacts) -> Chapter:
    """Tell of the history, with the layers beside it."""
    title, image = "The history and the layers", story.read
    if image is None:
        why = could_not(story.image, "Without an image there are no layers.")
        return Chapter(title, ("there is none to show",), (why,), (CONFIG_SPEC,))
    steps, layers = list(history_rows(image)) if story.runs else [], list(layer_rows(image))
    parts: list[Part] = [Prose((_TOLD if story.runs else _BLOBS,)), Figures(_figures(story, steps, layers))]
    if any(layer["compressed_bytes"] is None for layer in layers):
        parts.append(Note((_UNKNOWN,)))
    if steps:
        parts.append(_of_steps(story, steps))
    if steps and layers and all(step["layer"] is None for step in steps):
        parts.append(Note((_NO_PAIRS,)))
    parts.append(_of_layers(story, layers))
    return Chapter(title, _history_summary(steps, layers, runs=story.runs), tuple(parts), (CONFIG_SPEC, MANIFEST_SPEC))


def _history_summary(steps: Sequence[Mapping[str, Any]], layers: Sequence[Mapping[str, Any]], *, runs: bool) -> Spans:
    count = counted(len(layers), "layer" if runs else "blob")
    sizes: Spans = (", ", Size(_total(layers))) if layers and _total(layers) is not None else ()
    made = f"{counted(len(steps), 'step')}, " if steps else ""
    return (f"{made}{count}", *sizes)


def _total(layers: Sequence[Mapping[str, Any]]) -> int | None:
    sizes = [layer["compressed_bytes"] for layer in layers]
    return None if None in sizes else sum(sizes)


def _figures(
    story: ImageFacts, steps: Sequence[Mapping[str, Any]], layers: Sequence[Mapping[str, Any]]
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


def _of_steps(story: ImageFacts, steps: Sequence[Mapping[str, Any]]) -> Table:
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


def _of_layers(story: ImageFacts, layers: Sequence[Mapping[str, Any]]) -> Table:
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


_TITLE = "The chain of layers"
_DIFF_IDS = (
    "A layer has two digests. The one in the manifest is that of the blob, as it is stored and sent. The one in the "
    "config, its diff_id, is that of the tar in it: the same files compressed anew have another digest, and the same "
    "diff_id."
)
_CHAIN = (
    "Neither says what lies below. The chain ID does: it names the file system that stands there when the layer has "
    "been put on all those below it. That of the first layer is its diff_id; each other is the sha256 of a line with "
    "the chain ID below, a blank, and the diff_id."
)
_SETUP = (
    'diff, chain = layers["diff_id"], layers["chain_id"]',
    'sha256 = lambda text: "sha256:" + hashlib.sha256(text.encode()).hexdigest()',
)
_SHARED = "Two images with the same chain ID share everything up to that layer; so tools know what is unpacked already."
_WITHOUT = "The config says no diff_ids, so there is nothing that a chain could be made of."


def chain_chapter(story: ImageFacts) -> Chapter:
    """Tell of diff_ids and chain IDs."""
    image = story.read
    if image is None or not story.runs:
        why = could_not(story.image, "Only the layers of an image have diff_ids.")
        return Chapter(_TITLE, ("there is none",), (why,), (DIFF_ID_SPEC, CHAIN_ID_SPEC))
    diff_ids = image.config.diff_ids if image.config else ()
    clauses_ = (DIFF_ID_SPEC, CHAIN_ID_SPEC)
    if len(diff_ids) != len(image.manifest.layers) or not diff_ids:
        return Chapter(_TITLE, ("there is none",), (Prose((_why_not(image),)),), clauses_)
    chain = link(diff_ids)
    lines = story.lines
    parts: list[Part] = [
        Prose((_DIFF_IDS,)),
        Setup((f"layers = {lines.call('layers')}", *_SETUP)),
        _pairs(image, diff_ids),
        Prose((_CHAIN,)),
        _links(diff_ids, chain),
        Figures((Figure("the whole image", (Hash(chain[-1]), " ", Strong("equal")), "chain.iloc[-1]", chain[-1]),)),
        Prose((_SHARED,)),
    ]
    return Chapter(_TITLE, (f"{counted(len(chain), 'link')}, up to ", Hash(chain[-1])), tuple(parts), clauses_)


def link(diff_ids: Sequence[Digest]) -> list[str]:
    """Compute the chain as a reader would, by hashlib alone.

    >>> base, top = Digest.of(b"base"), Digest.of(b"top")
    >>> link([base, top])[1] == Digest.of(f"{base} {top}".encode())
    True
    """
    chain = [str(diff_ids[0])]
    for diff_id in diff_ids[1:]:
        chain.append("sha256:" + hashlib.sha256(f"{chain[-1]} {diff_id}".encode()).hexdigest())
    return chain


def _why_not(image: Image) -> str:
    layers, known = len(image.manifest.layers), len(image.config.diff_ids) if image.config else 0
    return _WITHOUT if not known else f"There are {layers} layers and {known} diff_ids, so none of them is believed."


def _pairs(image: Image, diff_ids: Sequence[Digest]) -> Table:
    rows, value = [], []
    for number, (layer, diff_id) in enumerate(zip(image.manifest.layers, diff_ids, strict=True)):
        same = "the same: it is not compressed" if layer.digest == diff_id else ""
        rows.append(Row(((str(number),), (Hash(layer.digest),), (Hash(diff_id),), (same,))))
        value.append([number, layer.digest, diff_id])
    heads = ("#layer", "digest of the blob", "diff_id of the tar", "")
    return Table("Two digests for each layer", heads, tuple(rows), 'layers[["layer", "digest", "diff_id"]]', value)


def _links(diff_ids: Sequence[Digest], chain: Sequence[str]) -> Table:
    rows = []
    for number, (diff_id, chain_id) in enumerate(zip(diff_ids, chain, strict=True)):
        made: Spans = ("nothing: it is ", Hash(diff_id))
        line = "diff[0]"
        if number:
            made = (Hash(chain[number - 1]), " + blank + ", Hash(diff_id))
            line = f'sha256(f"{{chain[{number - 1}]}} {{diff[{number}]}}")'
        rows.append(Row(((str(number),), made, (Hash(chain_id),)), line=line, value=chain_id))
    heads = ("#layer", "what is hashed", "chain ID")
    return Table("The chain, link by link", heads, tuple(rows), "chain.tolist()", list(chain))
