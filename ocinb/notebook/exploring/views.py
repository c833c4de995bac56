"""Views: the entries of one layer, or of the final file system, sorted by path, so that a folder is a run of them.

Nothing is made for each file but a place in a few arrays; what a folder has in it is looked up when it is opened.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from ocinb.archive.entries import DIRECTORY
from ocinb.rootfs.filesystem import Entry

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AFTER_SLASH: Final = chr(ord("/") + 1)
# So many folders that were opened last are held: whoever scrolls through one asks for it again and again.
_HELD: Final = 16
# The row of a folder that no entry stores.
NO_ROW: Final = -1


@dataclass(frozen=True, slots=True)
class Sums:
    """What regular files come to: their bytes, how many they are, and the bytes of them that nothing shows."""

    size_bytes: int
    files: int
    hidden_bytes: int


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
    """Entries, sorted by path.

    Parameters
    ----------
    paths
        The paths, sorted; a layer may have one of them several times.
    types
        What each is.
    sizes
        The bytes of each.
    counted
        Which of them are regular files that count: a content with several names counts once.
    hidden
        Which of those nothing shows in the end.
    targets
        What each names, if it is a link.
    owner, content
        Give for a row the entry that stands there, and the one that it has its content and owner from.
    """

    paths: Sequence[str]
    types: Sequence[str]
    sizes: NDArray[np.int64]
    counted: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    targets: Sequence[str | None]
    owner: Callable[[int], Entry]
    content: Callable[[int], Entry]
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
        size, files, hidden = (int(line[rows.stop] - line[rows.start]) for line in self._running)
        return Sums(size, files, hidden)

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
        size, _, _ = self._running
        for row, (path, kind) in enumerate(zip(self.paths, self.types, strict=True)):
            if kind == DIRECTORY:
                run = self.below(path)
                found[row] = size[run.stop] - size[run.start]
        return found

    @cached_property
    def lowered(self) -> list[str]:
        """The paths in small letters; those that have no others are not kept twice."""
        return [path if (small := path.lower()) == path else small for path in self.paths]

    @cached_property
    def _running(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Running sums, each with one more than there are rows."""
        bytes_counted = np.where(self.counted, self.sizes, 0)
        return (
            _summed(bytes_counted),
            _summed(self.counted.astype(np.int64)),
            _summed(np.where(self.hidden, bytes_counted, 0)),
        )

    def _listing(self, path: str) -> Listing:
        found = sorted(self._found_in(path))
        rows, starts, stops = (np.array([one[at] for one in found], dtype=np.int64) for at in (1, 2, 3))
        size, _, _ = self._running
        # What is no folder has an empty run, and a row.
        own = self.sizes[rows] if len(self.paths) else np.zeros(len(found), dtype=np.int64)
        is_folder = np.array([one[4] for one in found], dtype=bool)
        sizes = np.where(is_folder, size[stops] - size[starts], own)
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


def _summed(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(values, dtype=np.int64)))
