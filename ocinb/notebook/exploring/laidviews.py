"""Views of an image whose layers are laid over each other: of the end, of one layer, and of what is not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ocinb.archive.entries import DIRECTORY, FILE
from ocinb.frames.contents import filesystem_columns
from ocinb.frames.layer_reader import Laid
from ocinb.notebook.exploring.views import CODES, UNCHANGED, Marks, View
from ocinb.rootfs.filesystem import Entry
from ocinb.rootfs.whiteouts import MARKERS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def final_view(laid: Laid) -> View:
    """Give the final file system; a directory bears no change there, since each was added once."""
    overlay = laid.overlay
    columns = filesystem_columns(laid.entries, overlay)
    types = columns["type"]
    changes = [
        UNCHANGED if kind == DIRECTORY else CODES[overlay.change[layer][place]]
        for kind, (layer, place) in zip(types, overlay.owners, strict=True)
    ]
    return View(
        paths=overlay.paths,
        types=types,
        sizes=_numbers(columns["size_bytes"]),
        counted=_truths([kind == FILE for kind in types]),
        hidden=_none(types),
        targets=columns["link_target"],
        owner=overlay.owners.__getitem__,
        content=overlay.contents.__getitem__,
        marks=Marks(np.array(changes, dtype=np.int8), _none(types), _none(types)),
    )


def layer_view(laid: Laid, number: int, stored: NDArray[np.bool_], hidden: NDArray[np.bool_]) -> View:
    """Give what a layer stores.

    Parameters
    ----------
    laid
        The image.
    number
        The number of the layer.
    stored, hidden
        Which of its entries are regular files that it stores, and which of those nothing shows.
    """
    columns, overlay = laid.entries[number], laid.overlay
    places = sorted(range(len(columns)), key=columns.path.__getitem__)
    order = np.array(places, dtype=np.int64)
    fates = zip(columns.type, overlay.visible[number], overlay.reason[number], strict=True)
    unseen = _truths([not is_visible and _has_place(kind, reason) for kind, is_visible, reason in fates])
    changes = np.array([CODES[change] for change in overlay.change[number]], dtype=np.int8)

    def entry(row: int) -> Entry:
        return number, places[row]

    return View(
        paths=[columns.path[place] for place in places],
        types=[columns.type[place] for place in places],
        sizes=_numbers(columns.size_bytes)[order],
        counted=stored[order],
        hidden=hidden[order],
        targets=[columns.link_target[place] for place in places],
        owner=entry,
        content=entry,
        marks=Marks(changes, unseen, _none(places)).chosen(order),
    )


def _has_place(kind: str, reason: str | None) -> bool:
    """Say whether an entry could be seen, which no marker can; a folder that is stored again is seen as before."""
    return kind not in MARKERS and not (kind == DIRECTORY and reason == "overwritten")


def unseen_view(laid: Laid, hidden: Sequence[NDArray[np.bool_]]) -> View:
    """Give all that layers store and that is not seen in the end, but for markers and directories.

    Parameters
    ----------
    laid
        The image.
    hidden
        For each layer, which of its entries are regular files that nothing shows.
    """
    no_file, visible, layers = {*MARKERS, DIRECTORY}, laid.overlay.visible, laid.entries
    entries = sorted(
        (columns.path[place], number, place)
        for number, columns in enumerate(layers)
        for place, kind in enumerate(columns.type)
        if not visible[number][place] and kind not in no_file
    )
    found = [(number, place) for _, number, place in entries]
    is_hidden = _truths([bool(hidden[number][place]) for number, place in found])
    return View(
        paths=[path for path, _, _ in entries],
        types=[layers[number].type[place] for number, place in found],
        sizes=_numbers([layers[number].size_bytes[place] for number, place in found]),
        counted=is_hidden,
        hidden=is_hidden,
        targets=[layers[number].link_target[place] for number, place in found],
        owner=found.__getitem__,
        content=found.__getitem__,
        marks=Marks(np.full(len(found), UNCHANGED, dtype=np.int8), np.ones(len(found), dtype=bool), _none(found)),
    )


def joined(one: View, other: View) -> View:
    """Lay two views side by side; of equal paths those of the first come first."""
    paths, split = [*one.paths, *other.paths], len(one)
    places = sorted(range(len(paths)), key=paths.__getitem__)
    order = np.array(places, dtype=np.int64)
    types, targets = [*one.types, *other.types], [*one.targets, *other.targets]

    def owner(row: int) -> Entry:
        place = places[row]
        return one.owner(place) if place < split else other.owner(place - split)

    def content(row: int) -> Entry:
        place = places[row]
        return one.content(place) if place < split else other.content(place - split)

    marks = (
        np.concatenate((getattr(one.marks, name), getattr(other.marks, name))) for name in ("changes", "unseen", "gone")
    )
    return View(
        paths=[paths[place] for place in places],
        types=[types[place] for place in places],
        sizes=np.concatenate((one.sizes, other.sizes))[order],
        counted=np.concatenate((one.counted, other.counted))[order],
        hidden=np.concatenate((one.hidden, other.hidden))[order],
        targets=[targets[place] for place in places],
        owner=owner,
        content=content,
        marks=Marks(*marks).chosen(order),
    )


def _numbers(values: Sequence[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64, count=len(values))


def _truths(values: Sequence[bool]) -> NDArray[np.bool_]:
    return np.fromiter(values, dtype=bool, count=len(values))


def _none(rows: Sequence[object]) -> NDArray[np.bool_]:
    return np.zeros(len(rows), dtype=bool)
