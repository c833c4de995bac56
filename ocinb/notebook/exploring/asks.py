"""Asks: what can be asked about one image, each answered as the page takes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from ocinb._text import nearest
from ocinb.errors import InvalidError, NotFoundError
from ocinb.frames.batch import Row
from ocinb.notebook.exploring.image import UNSEEN, ExploredImage, Scope
from ocinb.notebook.exploring.previewing import preview
from ocinb.notebook.exploring.questions import Question
from ocinb.notebook.exploring.telling import JSON, child_told, named, row_told, seen, version_told
from ocinb.notebook.exploring.views import NO_ROW, Listing, View
from ocinb.rootfs.whiteouts import MARKERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of a command no more words are told.
_MOST_WORDS: Final = 100
# And so many paths of one content beside the first.
_MOST_OTHERS: Final = 20


def image_told(image: ExploredImage, label: str) -> JSON:
    """Tell of an image what it is, what it comes to, and of its layers the same."""
    figures, config = image.figures, image.contents.image.config
    return {
        "platform": label,
        "manifest_digest": str(image.contents.image.document.digest),
        "created": _iso(config.created if config else None),
        "user": seen(config.user if config else None),
        "entrypoint": _words(config.entrypoint if config else None),
        "cmd": _words(config.cmd if config else None),
        "compressed_bytes": image.compressed_bytes,
        "stored_bytes": figures.stored_bytes,
        "visible_bytes": figures.visible_bytes,
        "hidden_bytes": figures.hidden_bytes,
        "duplicate_bytes": figures.duplicate_bytes,
        "efficiency": figures.efficiency,
        "files": image.view(None).sums(range(len(image.view(None)))).files,
        "layers": [_layer_told(row) for row in image.layer_rows],
    }


def _layer_told(row: Row) -> JSON:
    numbers = "layer compressed_bytes stored_bytes files hidden_bytes added modified deleted"
    return {
        **{name: row[name] for name in numbers.split()},
        "digest": str(row["digest"]),
        "instruction": seen(row["instruction"]),
        "created_by": seen(row["created_by"]),
        "created": _iso(row["created"]),
    }


def children(question: Question, image: ExploredImage) -> JSON:
    """List what stands in a folder of a layer, or of the final file system."""
    view, path, by = _view(question, image), question.path, question.sort
    if not view.has_folder(path):
        raise _no_folder(view, path)
    listing, above = view.children(path), f"{path}/" if path else ""
    order = listing.by_size if by == "size" else np.arange(len(listing.names))
    index = _index_around(question, view, listing, order, above)
    offset = question.offset if index is None else index // max(question.limit, 1) * question.limit
    places = question.page(order.tolist(), offset)
    entries = [child_told(image, view, above + listing.names[place], int(listing.rows[place])) for place in places]
    told = {**named(path), "total": len(listing.names), "offset": offset, "index": index, "entries": entries}
    return told if path else {**told, "whole": _whole(question, image, view)}


def _whole(question: Question, image: ExploredImage, view: View) -> JSON:
    """Tell of a view what it comes to, and how much of each kind there is."""
    sums = view.sums(range(len(view)))
    return {"size_bytes": sums.size_bytes, "files": sums.files, "kinds": image.kind_counts(question.scope)}


def _index_around(question: Question, view: View, listing: Listing, order: NDArray[np.int64], above: str) -> int | None:
    """Say where the child stands that the rows shall be around; of a marker and what it makes room for, the latter."""
    around = question.around
    if around is None or not around.startswith(above):
        return None
    places = listing.places(around.removeprefix(above))
    kept = [place for place in places if listing.rows[place] == NO_ROW or not _is_marker(view, listing.rows[place])]
    found = next(iter([*kept, *places]), None)
    return None if found is None else int(np.flatnonzero(order == found)[0])


def _is_marker(view: View, row: int) -> bool:
    return view.types[row] in MARKERS


def search(question: Question, image: ExploredImage) -> JSON:
    """List what fits a pattern in what is looked at.

    In the final file system what fits and is not seen there comes after that, unless some kinds of change are meant.
    """
    scope, pattern = question.scope, question.pattern
    searched = [(_view(question, image), image.search(scope, pattern))]
    is_end = scope == Scope(None)
    if is_end:
        searched.append((image.view(UNSEEN), image.search(Scope(UNSEEN), pattern)))
    told = [{"total": len(found.rows), "total_bytes": found.total_bytes} for _, found in searched]
    entries: list[JSON] = []
    before = 0
    for view, found in searched:
        start = max(0, question.offset - before)
        rows = found.sorted(question.sort)[start : start + question.limit - len(entries)]
        entries += (row_told(image, view, row) for row in rows.tolist())
        before += len(found.rows)
    unseen = told[1] if is_end else None
    return {**told[0], "gone_bytes": searched[0][1].gone_bytes, "unseen": unseen, "rows": before, "entries": entries}


def versions(question: Question, image: ExploredImage) -> JSON:
    """List all that was ever stored at a path, from the base up."""
    path = question.path
    found = image.versions(path)
    if not found and not any(image.view(layer).has_folder(path) for layer in (None, *range(len(image.layers)))):
        raise NotFoundError(f"no layer stores {seen(path, 200)!r}")
    return {**named(path), "versions": [version_told(image, entry) for entry in found]}


def waste(question: Question, image: ExploredImage) -> JSON:
    """List the files that are stored and not seen, the largest first."""
    figures, told = image.figures, map(image.wasted, question.page(image.waste))
    entries = [
        {
            **named(one.path),
            "hidden_bytes": one.hidden_bytes,
            "reason": one.reason,
            "stored_in": one.stored_in,
            "stored_by": seen(one.stored_by),
            "hidden_in": one.hidden_in,
            "hidden_by": seen(one.hidden_by),
        }
        for one in told
    ]
    totals = {"hidden_bytes": figures.hidden_bytes, "duplicate_bytes": figures.duplicate_bytes}
    return {**totals, "total": len(image.waste), "entries": entries}


def copies(question: Question, image: ExploredImage) -> JSON:
    """List the contents that stand more than once in the final file system, those first whose copies take most."""
    entries = [
        {
            **named(one.paths[0]),
            "sha256": one.sha256.hex(),
            "size_bytes": one.size_bytes,
            "copied_bytes": one.copied_bytes,
            "copies": len(one.paths),
            "others": [seen(path, 300) for path in one.paths[1 : _MOST_OTHERS + 1]],
        }
        for one in map(image.copied, question.page(image.copies))
    ]
    return {"duplicate_bytes": image.figures.duplicate_bytes, "total": len(image.copies), "entries": entries}


def previewed(question: Question, image: ExploredImage, content: Callable[[str, int | None], bytes]) -> JSON:
    """Show the beginning of a file, at the end or as one layer stored it.

    Parameters
    ----------
    question, image
        What is asked, and about what.
    content
        Reads a file by its path and a layer.
    """
    path, layer = question.path, question.layer
    with image.lock:
        _view(question, image)  # which says what is wrong with the layer
    raw = content(path, layer)
    shown = preview(raw)
    told = {"text": shown.text, "is_binary": shown.text is None, "is_cut": shown.is_cut, "size_bytes": len(raw)}
    return {**named(path), **told}


def _view(question: Question, image: ExploredImage) -> View:
    layer, count = question.layer, len(image.layers)
    if layer is not None and layer >= count:
        has = f"it has {count}, from 0 to {count - 1}" if count else "it has none"
        raise NotFoundError(f"the image has no layer {min(layer, 10**6)}: {has}")
    return image.scoped(question.scope)


def _no_folder(view: View, path: str) -> NotFoundError | InvalidError:
    shown = seen(path, 200)
    kinds = [view.types[row] for row in view.rows_at(path) if view.types[row] not in MARKERS]
    if kinds:
        return InvalidError(f"{shown!r} is no folder, but a {kinds[-1]}")
    above, _, name = path.rpartition("/")
    near = nearest(name[:100], view.children(above).names[:1000]) if view.has_folder(above) else None
    hint = f"Did you mean {seen(near)!r}?" if near else None
    return NotFoundError(f"there is no folder {shown!r} here", hint=hint)


def _words(words: list[str] | None) -> list[str | None] | None:
    return None if words is None else [seen(word) for word in words[:_MOST_WORDS]]


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
