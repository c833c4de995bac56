"""An image that is explored: what stands in its layers and in the end, as views of it, and what it comes to.

It is pure: what it tells of was read before, and nobody is asked.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from ocinb.archive.entries import DIRECTORY, FILE, Columns
from ocinb.frames.batch import Row
from ocinb.frames.document_rows import layer_rows
from ocinb.frames.layer_reader import Contents, LoadedFilesystem
from ocinb.notebook.explore.search import HIDDEN, Search, counts, part
from ocinb.notebook.explore.views import View, final_view, joined, layer_view, unseen_view
from ocinb.rootfs.filesystem import Entry
from ocinb.rootfs.overlay_state import CHANGES
from ocinb.rootfs.waste import Figures, figures, hidden_files
from ocinb.rootfs.whiteouts import stored_files

if TYPE_CHECKING:
    from numpy.typing import NDArray


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# FilesystemCache results that are kept: a page asks for the same one again with every scroll.
_MAX_SEARCHES: Final = 16
_MAX_PARTS: Final = 4
_MAX_VIEWS: Final = 8


# What is asked for in place of a layer's number: all that is stored and not seen in the end; and that beside what is.
UNSEEN: Final = -1
EVERYTHING: Final = -2


@dataclass(frozen=True, slots=True)
class Scope:
    """What people look at.

    Attributes
    ----------
    layer
        The number of a layer; None for the final file system.
    kinds
        The kinds of change that are meant; all, if there is none.
    """

    layer: int | None
    kinds: frozenset[str] = frozenset()


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

    Attributes
    ----------
    instructions
        What made each layer; None where nothing says it.
    lock
        Has to be held by whoever looks at anything, since all is made when it is first looked at.
    """

    def __init__(self, contents: Contents, laid: LoadedFilesystem) -> None:
        self.contents = contents
        self.laid = laid
        self.lock = threading.RLock()
        self.instructions = contents.instructions
        self._views: OrderedDict[int | None, View] = OrderedDict()
        self._parts: OrderedDict[Scope, View] = OrderedDict()
        self._searches: OrderedDict[tuple[Scope, str], Search] = OrderedDict()

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
        return [
            {**row, **self._stored_figures(number), **self._changes(number)}
            for number, row in enumerate(layer_rows(self.contents.image))
        ]

    def _stored_figures(self, number: int) -> dict[str, int]:
        """Count the regular files that a layer stores and their bytes, and the bytes that a later layer hides."""
        sizes, stored, hidden = _numbers(self.layers[number].size_bytes), self._stored[number], self._hidden[number]
        return {
            "files": int(np.count_nonzero(stored)),
            "stored_bytes": int(sizes[stored].sum()),
            "hidden_bytes": int(sizes[stored & hidden].sum()),
        }

    def _changes(self, number: int) -> dict[str, int]:
        """Count what a layer adds, modifies and deletes; a directory is no change, since builders repeat them."""
        told = zip(self.laid.overlay.change[number], self.layers[number].type, strict=True)
        counted = Counter(change for change, kind in told if kind != DIRECTORY)
        return {change: counted[change] for change in CHANGES}

    def view(self, layer: int | None) -> View:
        """Give the view of a layer by its number, with None of the final file system; or `UNSEEN`, `EVERYTHING`."""
        return _recent(self._views, layer, lambda: self._made_view(layer), _MAX_VIEWS)

    def _made_view(self, layer: int | None) -> View:
        if layer is None:
            return final_view(self.laid)
        if layer == UNSEEN:
            return unseen_view(self.laid, self._hidden)
        if layer == EVERYTHING:
            return joined(self.view(None), self.view(UNSEEN))
        return layer_view(self.laid, layer, self._stored[layer], self._hidden[layer])

    def scoped(self, scope: Scope) -> View:
        """Give the view of what people look at."""
        if not scope.kinds:
            return self.view(scope.layer)
        shows_hidden = scope.layer is None and HIDDEN in scope.kinds
        whole = EVERYTHING if shows_hidden else scope.layer
        return _recent(self._parts, scope, lambda: part(self.view(whole), scope.kinds), _MAX_PARTS)

    def kind_counts(self, scope: Scope) -> Mapping[str, int]:
        """Say how much there is of each kind of change, whichever of them are meant."""
        found = counts(self.view(scope.layer))
        return {**found, HIDDEN: len(self.view(UNSEEN))} if scope.layer is None else found

    def search(self, scope: Scope, pattern: str) -> Search:
        """Search in a view; what was searched for a moment ago is not searched again for its next rows."""
        return _recent(self._searches, (scope, pattern), lambda: Search(self.scoped(scope), pattern), _MAX_SEARCHES)

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
    def copies(self) -> Sequence[Sequence[int]]:
        """The files of the final file system whose content others have too, by their rows in it.

        Those of one content stand together, those first whose copies take most. Names of one content are no copies of
        it: its first one counts.
        """
        overlay, hashes = self.laid.overlay, [columns.sha256 for columns in self.layers]
        keys = [hashes[layer][place] for layer, place in overlay.contents]
        repeated = {sha256 for sha256, times in Counter(keys).items() if times > 1}
        first = dict(zip(reversed(overlay.contents), range(len(keys) - 1, -1, -1), strict=True))
        groups = defaultdict[bytes, list[int]](list)
        for row, sha256 in enumerate(keys):
            if sha256 is not None and sha256 in repeated and first[overlay.contents[row]] == row:
                groups[sha256].append(row)
        found = []
        for rows in groups.values():
            layer, place = overlay.contents[rows[0]]
            size = self.layers[layer].size_bytes[place]
            if size and len(rows) > 1 and self.layers[layer].type[place] == FILE:
                found.append((size * (1 - len(rows)), overlay.paths[rows[0]], rows))
        return [rows for _, _, rows in sorted(found)]

    def copied(self, rows: Sequence[int]) -> Copies:
        """Tell of the files of one content."""
        overlay = self.laid.overlay
        layer, place = overlay.contents[rows[0]]
        columns = self.layers[layer]
        return Copies(columns.sha256[place] or b"", columns.size_bytes[place], [overlay.paths[row] for row in rows])

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

    def has_folder(self, path: str) -> bool:
        """Say whether a path is a folder in the final file system or in any layer."""
        below = f"{path}/"
        is_stored = any(one.startswith(below) for columns in self.layers for one in columns.path)
        return is_stored or self.view(None).has_folder(path)

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


def _recent(kept: OrderedDict[K, V], key: K, make: Callable[[], V], most: int) -> V:
    """Get a value, made if it is missing, and evict the least recently used ones."""
    if key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
    return kept[key]


def _numbers(values: Sequence[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64, count=len(values))


def _flags(count: int, places: Sequence[int]) -> NDArray[np.bool_]:
    flags = np.zeros(count, dtype=bool)
    flags[np.array(places, dtype=np.int64)] = True
    return flags
