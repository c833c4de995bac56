"""An image that is explored: what stands in its layers and in the end, as views of it, and what it comes to.

It is pure: what it tells of was read before, and nobody is asked.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from ocinb.archive.entries import DIRECTORY, FILE, Columns
from ocinb.frames.collecting import Row
from ocinb.frames.entries import filesystem_columns
from ocinb.frames.laid import Laid
from ocinb.frames.reading import Contents
from ocinb.frames.rows import layer_rows
from ocinb.notebook.exploring.searching import Search
from ocinb.notebook.exploring.views import View
from ocinb.rootfs.filesystem import Entry
from ocinb.rootfs.ledger import CHANGES
from ocinb.rootfs.markers import MARKERS, stored_files
from ocinb.rootfs.waste import Figures, figures, hidden_files

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So many searches are held: whoever scrolls through one asks for it again and again.
_HELD: Final = 16


# What is asked for in place of a layer's number: all that is stored and not seen in the end.
UNSEEN: Final = -1


@dataclass(frozen=True, slots=True)
class Copies:
    """A content that stands in several files of the final file system."""

    sha256: bytes
    size_bytes: int
    paths: Sequence[str]

    @property
    def copied_bytes(self) -> int:
        """What all but one of them take."""
        return (len(self.paths) - 1) * self.size_bytes


@dataclass(frozen=True, slots=True)
class Wasted:
    """A file that is stored and not seen; the fields are the columns of the frame `hidden`."""

    path: str
    hidden_bytes: int
    reason: str | None
    stored_in: int
    stored_by: str | None
    hidden_in: int | None
    hidden_by: str | None


class ExploredImage:
    """One image, and what stands in it.

    Parameters
    ----------
    contents
        The image and its layers.
    laid
        The same, laid over each other.

    Attributes
    ----------
    instructions
        What made each layer; None where nothing says it.
    lock
        Has to be held by whoever looks at anything, since all is made when it is first looked at.
    """

    def __init__(self, contents: Contents, laid: Laid) -> None:
        self.contents = contents
        self.laid = laid
        self.lock = threading.RLock()
        self.instructions = contents.instructions
        self._views: dict[int | None, View] = {}
        self._searches: OrderedDict[tuple[int | None, str], Search] = OrderedDict()

    @property
    def layers(self) -> Sequence[Columns]:
        """The entries of each layer, from the base up."""
        return self.laid.entries

    @cached_property
    def figures(self) -> Figures:
        """What it stores, shows and hides."""
        return figures(self.layers, self.laid.overlay)

    @property
    def compressed_bytes(self) -> int | None:
        """The size of its layers as blobs; None if that of one is not known."""
        sizes = [blob.known_size for blob in self.contents.image.manifest.layers]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @cached_property
    def layer_rows(self) -> list[Row]:
        """Each layer as the frame `layers` has it, with what it changes."""
        rows: list[Row] = []
        for number, row in enumerate(layer_rows(self.contents.image)):
            view = self.view(number)
            sums = view.sums(range(len(view)))
            figures = {"files": sums.files, "stored_bytes": sums.size_bytes, "hidden_bytes": sums.hidden_bytes}
            rows.append({**row, **figures, **self._changes(number)})
        return rows

    def _changes(self, number: int) -> dict[str, int]:
        """Count what a layer adds, modifies and deletes; a directory is no change, since builders repeat them."""
        told = zip(self.laid.overlay.change[number], self.layers[number].type, strict=True)
        counted = Counter(change for change, kind in told if kind != DIRECTORY)
        return {change: counted[change] for change in CHANGES}

    def view(self, layer: int | None) -> View:
        """Give the view of a layer by its number, with None that of the final file system, or `UNSEEN`."""
        if layer not in self._views:
            make = {None: self._final_view, UNSEEN: self._unseen_view}.get(layer)
            self._views[layer] = self._layer_view(layer or 0) if make is None else make()
        return self._views[layer]

    def _final_view(self) -> View:
        overlay = self.laid.overlay
        columns = filesystem_columns(self.layers, overlay)
        types = columns["type"]
        return View(
            paths=overlay.paths,
            types=types,
            sizes=_numbers(columns["size_bytes"]),
            counted=np.fromiter((kind == FILE for kind in types), dtype=bool, count=len(types)),
            hidden=np.zeros(len(types), dtype=bool),
            targets=columns["link_target"],
            owner=overlay.owners.__getitem__,
            content=overlay.contents.__getitem__,
        )

    def _layer_view(self, number: int) -> View:
        columns = self.layers[number]
        order = np.array(sorted(range(len(columns)), key=columns.path.__getitem__), dtype=np.int64)
        places = order.tolist()

        def entry(row: int) -> Entry:
            return number, int(order[row])

        return View(
            paths=[columns.path[place] for place in places],
            types=[columns.type[place] for place in places],
            sizes=_numbers(columns.size_bytes)[order],
            counted=self._stored[number][order],
            hidden=self._hidden[number][order],
            targets=[columns.link_target[place] for place in places],
            owner=entry,
            content=entry,
        )

    def _unseen_view(self) -> View:
        """Give all that layers store and that is not seen in the end, but for markers and directories."""
        no_file, visible = {*MARKERS, DIRECTORY}, self.laid.overlay.visible
        entries = sorted(
            (columns.path[place], number, place)
            for number, columns in enumerate(self.layers)
            for place, kind in enumerate(columns.type)
            if not visible[number][place] and kind not in no_file
        )
        found = [(number, place) for _, number, place in entries]
        return View(
            paths=[path for path, _, _ in entries],
            types=[self.layers[number].type[place] for number, place in found],
            sizes=_numbers([self.layers[number].size_bytes[place] for number, place in found]),
            counted=_truths([self._hidden[number][place] for number, place in found]),
            hidden=_truths([self._hidden[number][place] for number, place in found]),
            targets=[self.layers[number].link_target[place] for number, place in found],
            owner=found.__getitem__,
            content=found.__getitem__,
        )

    def search(self, layer: int | None, pattern: str) -> Search:
        """Search in a view; what was searched for a moment ago is not searched again for its next rows."""
        key = layer, pattern
        if key not in self._searches:
            self._searches[key] = Search(self.view(layer), pattern)
            while len(self._searches) > _HELD:
                self._searches.popitem(last=False)
        return self._searches[key]

    @cached_property
    def _stored(self) -> list[NDArray[np.bool_]]:
        return [_flags(len(columns), list(stored_files(columns))) for columns in self.layers]

    @cached_property
    def _hidden_files(self) -> Sequence[Entry]:
        return list(hidden_files(self.layers, self.laid.overlay))

    @cached_property
    def _hidden(self) -> list[NDArray[np.bool_]]:
        flags = [np.zeros(len(columns), dtype=bool) for columns in self.layers]
        for layer, place in self._hidden_files:
            flags[layer][place] = True
        return flags

    @cached_property
    def waste(self) -> Sequence[Entry]:
        """The files that are stored and not seen, the largest first; equal ones in the order of `ocinb.hidden`."""
        sizes = _numbers([self.layers[layer].size_bytes[place] for layer, place in self._hidden_files])
        return [self._hidden_files[at] for at in np.argsort(-sizes, kind="stable").tolist()]

    @cached_property
    def copies(self) -> Sequence[Copies]:
        """The contents that several files of the final file system have, those first whose copies take most."""
        overlay, first, groups = self.laid.overlay, dict[bytes, Entry](), dict[bytes, dict[Entry, None]]()
        for entry in overlay.contents:  # names of one content are no copies of it
            layer, place = entry
            sha256 = self.layers[layer].sha256[place]
            if sha256 is not None and (other := first.setdefault(sha256, entry)) != entry:
                groups.setdefault(sha256, {other: None})[entry] = None
        paths = dict(zip(reversed(overlay.contents), reversed(overlay.paths), strict=True))  # the first name of each
        found = [
            Copies(sha256, self.layers[layer].size_bytes[place], list(map(paths.__getitem__, entries)))
            for sha256, entries in groups.items()
            for layer, place in [first[sha256]]
            if self.layers[layer].type[place] == FILE and self.layers[layer].size_bytes[place]
        ]
        return sorted(found, key=lambda one: (-one.copied_bytes, one.paths[0]))

    def wasted(self, entry: Entry) -> Wasted:
        """Tell of a file that is not seen, as the frame `hidden` has it."""
        (layer, place), overlay = entry, self.laid.overlay
        hidden_in = overlay.hidden_in[layer][place]
        return Wasted(
            path=self.layers[layer].path[place],
            hidden_bytes=self.layers[layer].size_bytes[place],
            reason=overlay.reason[layer][place],
            stored_in=layer,
            stored_by=self.instructions[layer],
            hidden_in=hidden_in,
            hidden_by=None if hidden_in is None else self.instructions[hidden_in],
        )

    def versions(self, path: str) -> list[Entry]:
        """Find all that was ever stored at a path, from the base up, markers too.

        What a layer stores under another name, which leads there through a symbolic link, is among them if it is seen
        in the end.
        """
        found = {
            (number, place)
            for number, columns in enumerate(self.layers)
            for place, stored in enumerate(columns.path)
            if stored == path
        }
        final = self.view(None)
        return sorted(found.union(final.owner(row) for row in final.rows_at(path)))


def _numbers(values: Sequence[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64, count=len(values))


def _truths(values: Sequence[bool]) -> NDArray[np.bool_]:
    return np.fromiter(values, dtype=bool, count=len(values))


def _flags(count: int, places: Sequence[int]) -> NDArray[np.bool_]:
    flags = np.zeros(count, dtype=bool)
    flags[np.array(places, dtype=np.int64)] = True
    return flags
