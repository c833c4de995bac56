"""Views: the entries of one layer, or of the final file system, sorted by path, so that a folder is a run of them.

Nothing is made for each file but a place in a few arrays; what a folder has in it is looked up when it is opened.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ocinb.archive.entries import DIRECTORY, FILE
from ocinb.frames.contents import filesystem_columns
from ocinb.frames.layer_reader import LoadedFilesystem
from ocinb.rootfs.filesystem import Entry
from ocinb.rootfs.overlay_state import CHANGES
from ocinb.rootfs.whiteouts import MARKERS

if TYPE_CHECKING:
    from numpy.typing import NDArray


_AFTER_SLASH: Final = chr(ord("/") + 1)
# So many folders that were opened last are held: whoever scrolls through one asks for it again and again.
_HELD: Final = 16
# The row of a folder that no entry stores.
NO_ROW: Final = -1


# What a layer does to a path, by its place among the words for it and one more; 0 is nothing.
UNCHANGED: Final = 0
CODES: Final = {change: code for code, change in enumerate(CHANGES, UNCHANGED + 1)}
WORDS: Final = (None, *CHANGES)


class Sums(NamedTuple):
    """What a run of rows comes to.

    Attributes
    ----------
    size_bytes, files
        Of regular files: their bytes, and how many they are.
    hidden_bytes
        The bytes of those that nothing shows in the end.
    """

    size_bytes: int
    files: int
    hidden_bytes: int


@dataclass(frozen=True)
class Marks:
    """What rows are marked with.

    Attributes
    ----------
    changes
        What a layer does to each, as `CODES` has it.
    unseen
        Which of them stand nowhere in the end.
    """

    changes: NDArray[np.int8]
    unseen: NDArray[np.bool_]

    def chosen(self, rows: NDArray[np.int64]) -> Marks:
        """Give those of some rows."""
        return Marks(self.changes[rows], self.unseen[rows])


@dataclass(frozen=True)
class Listing:
    """What stands in a folder, in the order of the names.

    Attributes
    ----------
    names
        The names; a layer may have a marker and a folder of one name.
    rows
        The row of each in the view, or `NO_ROW`.
    starts, stops
        Of a folder the run of what is below it; of all others nothing.
    sizes
        The bytes of each, of a folder those below it.
    """

    names: Sequence[str]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @cached_property
    def by_size(self) -> NDArray[np.int64]:
        """The places of all, the largest first; of equal ones in the order of their names."""
        return np.argsort(-self.sizes, kind="stable")

    def places(self, name: str) -> range:
        """Give the places of a name."""
        start = bisect_left(self.names, name)
        return range(start, bisect_right(self.names, name, start))


@dataclass
class View:
    """Entries, sorted by path."""

    paths: Sequence[str]
    types: Sequence[str]
    sizes: NDArray[np.int64]
    counted: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    targets: Sequence[str | None]
    owner: Callable[[int], Entry]
    content: Callable[[int], Entry]
    marks: Marks
    matches: NDArray[np.bool_] | None = None
    _listings: OrderedDict[str, Listing] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self.paths)

    def rows_at(self, path: str) -> range:
        """Give the rows of a path."""
        start = bisect_left(self.paths, path)
        return range(start, bisect_right(self.paths, path, start))

    def below(self, path: str) -> range:
        """Give the rows of all that is below a path, however deep."""
        if not path:
            return range(len(self.paths))
        start = bisect_left(self.paths, f"{path}/")
        return range(start, bisect_left(self.paths, f"{path}{_AFTER_SLASH}", start))

    def has_folder(self, path: str) -> bool:
        """Say whether a path is a folder, by an entry of its own or by what is in it."""
        is_stored = any(self.types[row] == DIRECTORY for row in self.rows_at(path))
        return is_stored or not path or bool(self.below(path))

    def sums(self, rows: range) -> Sums:
        """Add up a run of rows."""
        return Sums(*(self._running[:, rows.stop] - self._running[:, rows.start]).tolist())

    def children(self, path: str) -> Listing:
        """List what stands in a folder."""
        if path not in self._listings:
            self._listings[path] = self._listing(path)
            while len(self._listings) > _HELD:
                self._listings.popitem(last=False)
        self._listings.move_to_end(path)
        return self._listings[path]

    @cached_property
    def bytes_below(self) -> NDArray[np.int64]:
        """The bytes of each row, of a directory those below it."""
        found = self.sizes.copy()
        rows = [row for row, kind in enumerate(self.types) if kind == DIRECTORY]
        runs = [self.below(self.paths[row]) for row in rows]
        found[rows] = self._sizes(_numbers(run.start for run in runs), _numbers(run.stop for run in runs))
        return found

    @cached_property
    def lowered(self) -> list[str]:
        """The paths in small letters; those that have no others are not kept twice."""
        return [path if (small := path.lower()) == path else small for path in self.paths]

    @cached_property
    def _running(self) -> NDArray[np.int64]:
        """Running sums of all that `Sums` has, each with one more than there are rows."""
        columns: dict[str, NDArray[Any]] = {
            "size_bytes": self.sizes * self.counted,
            "files": self.counted,
            "hidden_bytes": self.sizes * (self.hidden & self.counted),
        }
        running = np.zeros((len(columns), len(self) + 1), dtype=np.int64)
        for line, name in zip(running, Sums._fields, strict=True):
            np.cumsum(columns[name], out=line[1:])
        return running

    def _sizes(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the bytes of runs of rows."""
        sizes: NDArray[np.int64] = self._running[0, stops] - self._running[0, starts]
        return sizes

    def _listing(self, path: str) -> Listing:
        found = sorted(self._found_in(path))
        rows, starts, stops = (np.array([one[at] for one in found], dtype=np.int64) for at in (1, 2, 3))
        # What is no folder has an empty run, and a row.
        own = self.sizes[rows] if len(self.paths) else np.zeros(len(found), dtype=np.int64)
        is_folder = np.array([one[4] for one in found], dtype=bool)
        sizes = np.where(is_folder, self._sizes(starts, stops), own)
        return Listing([one[0] for one in found], rows, starts, stops, sizes)

    def _found_in(self, path: str) -> list[tuple[str, int, int, int, bool]]:
        """Give name, row, start, stop and whether it is a folder of all that stands in one."""
        prefix = f"{path}/" if path else ""
        run, cut, paths = self.below(path), len(prefix), self.paths
        folders: dict[str, tuple[int, int, int]] = {}
        others: list[tuple[str, int, int, int, bool]] = []
        at = run.start
        while at < run.stop:
            name, slash, _ = paths[at][cut:].partition("/")
            if slash:
                stop = bisect_left(paths, f"{prefix}{name}{_AFTER_SLASH}", at, run.stop)
                row = folders[name][0] if name in folders else NO_ROW
                folders[name] = row, at, stop
                at = stop
                continue
            if self.types[at] != DIRECTORY:
                others.append((name, at, 0, 0, False))
            elif name:  # the root is not in itself
                folders[name] = at, 0, 0
            at += 1
        return [*others, *((name, *where, True) for name, where in folders.items())]


def _numbers(values: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64)


def final_view(laid: LoadedFilesystem) -> View:
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
        sizes=_integers(columns["size_bytes"]),
        counted=_truths([kind == FILE for kind in types]),
        hidden=_none(types),
        targets=columns["link_target"],
        owner=overlay.owners.__getitem__,
        content=overlay.contents.__getitem__,
        marks=Marks(np.array(changes, dtype=np.int8), _none(types)),
    )


def layer_view(laid: LoadedFilesystem, number: int, stored: NDArray[np.bool_], hidden: NDArray[np.bool_]) -> View:
    """Give what a layer stores."""
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
        sizes=_integers(columns.size_bytes)[order],
        counted=stored[order],
        hidden=hidden[order],
        targets=[columns.link_target[place] for place in places],
        owner=entry,
        content=entry,
        marks=Marks(changes, unseen).chosen(order),
    )


def _has_place(kind: str, reason: str | None) -> bool:
    """Say whether an entry could be seen, which no marker can; a folder that is stored again is seen as before."""
    return kind not in MARKERS and not (kind == DIRECTORY and reason == "overwritten")


def unseen_view(laid: LoadedFilesystem, hidden: Sequence[NDArray[np.bool_]]) -> View:
    """Give all that layers store and that is not seen in the end, but for markers and directories."""
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
        sizes=_integers([layers[number].size_bytes[place] for number, place in found]),
        counted=is_hidden,
        hidden=is_hidden,
        targets=[layers[number].link_target[place] for number, place in found],
        owner=found.__getitem__,
        content=found.__getitem__,
        marks=Marks(np.full(len(found), UNCHANGED, dtype=np.int8), np.ones(len(found), dtype=bool)),
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

    marks = (np.concatenate((getattr(one.marks, name), getattr(other.marks, name))) for name in ("changes", "unseen"))
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


def _integers(values: Sequence[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64, count=len(values))


def _truths(values: Sequence[bool]) -> NDArray[np.bool_]:
    return np.fromiter(values, dtype=bool, count=len(values))


def _none(rows: Sequence[object]) -> NDArray[np.bool_]:
    return np.zeros(len(rows), dtype=bool)
