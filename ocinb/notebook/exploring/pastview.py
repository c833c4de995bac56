"""The view of a moment: the whole file system after a layer, and what that layer took away where it was."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ocinb.archive.entries import FILE, HARDLINK, Columns
from ocinb.notebook.exploring.past import Moment
from ocinb.notebook.exploring.views import CODES, Marks, View
from ocinb.rootfs.filesystem import Entry

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
