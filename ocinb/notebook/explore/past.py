"""Past: the file system as it stood after one of the layers, and what that layer took away.

Whoever looks at one layer looks at the next one then, so the layers that are applied stay so, each with a way back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ocinb.archive.entries import DIRECTORY, FILE, HARDLINK, Columns
from ocinb.notebook.explore.views import CODES, UNCHANGED, Marks, View
from ocinb.rootfs.filesystem import Entry
from ocinb.rootfs.overlay import Applying
from ocinb.rootfs.overlay_state import CHANGES, Trail

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Standing:
    """Some paths, sorted, and what stands there; an entry is a number, counted through all layers.

    Attributes
    ----------
    paths
        The paths.
    owners
        The entry of each.
    contents
        The one that it has its content and owner from: another one if it is a hard link.
    """

    paths: list[str]
    owners: NDArray[np.int64]
    contents: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Moment:
    """What there was after a layer.

    Attributes
    ----------
    stands
        All that stands there then.
    gone
        What stood there before, and nothing of its kind stands there now.
    changes
        What the layer did to each path that stands, as `ocinb.notebook.explore.views.CODES` has it. A directory that
        it stores again as it was is unchanged.
    starts
        The number of the first entry of each layer, and one more.
    """

    stands: Standing
    gone: Standing
    changes: NDArray[np.int8]
    starts: Sequence[int]


class Past:
    """The layers of an image, of which some are applied.

    Parameters
    ----------
    layers
        The entries of each, from the base up.
    """

    def __init__(self, layers: Sequence[Columns]) -> None:
        self._layers = layers
        self._applying = Applying()
        self._trails: list[Trail] = []

    def after(self, layer: int) -> Moment:
        """Give what there was after a layer, by its number."""
        try:
            self._go_to(layer)
        except BaseException:  # an interrupt: what is applied by half is not used again
            self._applying, self._trails = Applying(), []
            raise
        return self._moment()

    def _go_to(self, layer: int) -> None:
        while len(self._trails) > layer + 1:
            self._applying.take_off(self._trails.pop())
        while len(self._trails) <= layer:
            self._trails.append(self._applying.apply_undoably(self._layers[len(self._trails)]))

    def _moment(self) -> Moment:
        layers, ledger, moved = self._layers[: len(self._trails)], self._applying.ledger, self._applying.moved
        paths = list(chain.from_iterable(layer.path for layer in layers))
        for entry, path in moved.items():
            paths[entry] = path
        kinds = list(chain.from_iterable(layer.type for layer in layers))
        standing = {paths[entry]: entry for entry in np.flatnonzero(_bytes(ledger.visible)).tolist()}
        seen_before = (entry for entry, fate in self._trails[-1].entries.items() if fate[0])
        hidden = {paths[entry]: entry for entry in seen_before if not ledger.visible[entry]}

        def is_replaced(path: str) -> bool:
            now = standing.get(path)
            return now is not None and (kinds[now] == DIRECTORY) == (kinds[hidden[path]] == DIRECTORY)

        stands = self._standing(standing)
        gone = self._standing({path: entry for path, entry in hidden.items() if not is_replaced(path)})
        return Moment(stands, gone, self._changes(stands, hidden, kinds), tuple(self._applying.starts))

    def _standing(self, found: dict[str, int]) -> Standing:
        paths, links = sorted(found), self._applying.ledger.contents
        owners = np.fromiter(map(found.__getitem__, paths), dtype=np.int64, count=len(paths))
        contents = owners.copy()
        for row in np.flatnonzero(np.isin(owners, np.fromiter(links, dtype=np.int64))).tolist():
            contents[row] = links[int(owners[row])]
        return Standing(paths, owners, contents)

    def _changes(self, stands: Standing, hidden: dict[str, int], kinds: Sequence[str]) -> NDArray[np.int8]:
        codes_of = np.array([CODES[change] for change in CHANGES], dtype=np.int8)
        codes = codes_of[_bytes(self._applying.ledger.change)][stands.owners]
        is_new = stands.owners >= self._trails[-1].first
        for row in np.flatnonzero(is_new & (codes != CODES["added"])).tolist():
            entry = int(stands.owners[row])
            if kinds[entry] == DIRECTORY and self._is_repeated(entry, hidden.get(stands.paths[row])):
                codes[row] = UNCHANGED
        codes[~is_new] = UNCHANGED
        return codes

    def _is_repeated(self, directory: int, before: int | None) -> bool:
        """Say whether a directory stood there already, and is no other one for that it is stored again."""
        return before is None or self._owner(directory) == self._owner(before)

    def _owner(self, number: int) -> tuple[str, int, int, int]:
        starts = self._applying.starts
        layer = bisect_right(starts, number) - 1
        columns, place = self._layers[layer], number - starts[layer]
        return columns.type[place], columns.mode[place], columns.uid[place], columns.gid[place]


def _bytes(column: bytearray) -> NDArray[np.uint8]:
    return np.frombuffer(bytes(column), np.uint8)  # of a copy: what is lent to numpy cannot grow


def past_view(layers: Sequence[Columns], moment: Moment, layer: int) -> View:
    """Make the view of what there was after a layer.

    Parameters
    ----------
    layers
        The entries of each layer.
    moment
        What there was.
    layer
        The number of the layer.
    """
    stands, gone, every = moment.stands, moment.gone, _every(layers[: layer + 1])
    paths = [*stands.paths, *gone.paths]
    rows = sorted(range(len(paths)), key=paths.__getitem__) if gone.paths else list(range(len(paths)))
    order = np.array(rows, dtype=np.int64)
    owners = np.concatenate((stands.owners, gone.owners))[order]
    contents = np.concatenate((stands.contents, gone.contents))[order]
    is_gone = order >= len(stands.paths)
    changes = np.concatenate((moment.changes, np.full(len(gone.paths), CODES["deleted"], dtype=np.int8)))[order]
    stored = _Stored(
        list(map(every.types.__getitem__, contents.tolist())),
        np.array(every.sizes, dtype=np.int64)[contents],
        list(map(every.targets.__getitem__, contents.tolist())),
    )
    chosen = [paths[row] for row in rows]
    _name_links(stored, chosen, contents, is_gone)
    nothing = np.zeros(len(rows), dtype=bool)
    return View(
        paths=chosen,
        types=stored.types,
        sizes=stored.sizes,
        counted=np.fromiter((kind == FILE for kind in stored.types), dtype=bool, count=len(rows)),
        hidden=nothing,
        targets=stored.targets,
        owner=_entry_at(owners, moment.starts),
        content=_entry_at(contents, moment.starts),
        marks=Marks(changes, nothing, is_gone),
        after=layer,
    )


class _Every(NamedTuple):
    """What all layers store, one after the other."""

    types: list[str]
    sizes: list[int]
    targets: list[str | None]


class _Stored(NamedTuple):
    """What stands at each path."""

    types: list[str]
    sizes: NDArray[np.int64]
    targets: list[str | None]


def _every(layers: Sequence[Columns]) -> _Every:
    return _Every(
        list(chain.from_iterable(layer.type for layer in layers)),
        list(chain.from_iterable(layer.size_bytes for layer in layers)),
        list(chain.from_iterable(layer.link_target for layer in layers)),
    )


def _name_links(stored: _Stored, paths: Sequence[str], contents: NDArray[np.int64], is_gone: NDArray[np.bool_]) -> None:
    """Make all names of a file but the first links to that, as the frame `filesystem` does.

    What went is a link to what has the content still, which thereby takes no bytes along.
    """
    is_shared = np.bincount(contents)[contents] > 1 if len(contents) else is_gone
    first: dict[int, str] = {}
    for row in [*np.flatnonzero(is_shared & ~is_gone).tolist(), *np.flatnonzero(is_shared & is_gone).tolist()]:
        name = first.setdefault(int(contents[row]), paths[row])
        if stored.types[row] == FILE and name != paths[row]:
            stored.types[row], stored.targets[row] = HARDLINK, name
            stored.sizes[row] = 0 if is_gone[row] else stored.sizes[row]


def _entry_at(numbers: NDArray[np.int64], starts: Sequence[int]) -> Callable[[int], Entry]:
    """Give what gives for a row its entry, by layer and place in that."""

    def entry(row: int) -> Entry:
        number = int(numbers[row])
        layer = bisect_right(starts, number) - 1
        return layer, number - starts[layer]

    return entry
