"""Kinds: which rows of a view are of which kind of change, and the part of it that has some of them alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

import numpy as np

from ocinb.archive.entries import DIRECTORY
from ocinb.notebook.exploring.views import CODES, View
from ocinb.rootfs.overlay_state import CHANGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIDDEN: Final = "hidden"
KINDS: Final = (*CHANGES, HIDDEN)


def counts(view: View) -> Mapping[str, int]:
    """Say of how many rows each kind is; directories are none, since builders repeat them."""
    is_folder = _folders(view)
    return {kind: int(np.count_nonzero(_of_kind(view, kind) & ~is_folder)) for kind in KINDS}


def part(view: View, kinds: Collection[str]) -> View:
    """Give the rows of some kinds, and the folders on the way to them.

    A folder is of a kind if the layer brings or takes it: one that stood there before is stored by builders for what is
    in it.
    """
    is_folder = _folders(view)
    repeated = is_folder & (view.marks.changes == CODES["modified"]) & (view.after is None)
    wanted = reduce(or_, (_of_kind(view, kind) & ~(repeated & (kind != HIDDEN)) for kind in kinds))
    ways = _above(view, np.flatnonzero(wanted).tolist())
    is_way = np.fromiter((path in ways for path in view.paths), dtype=bool, count=len(view)) & is_folder
    return _chosen(view, np.flatnonzero(wanted | is_way), wanted)


def _of_kind(view: View, kind: str) -> NDArray[np.bool_]:
    return view.marks.unseen if kind == HIDDEN else view.marks.changes == CODES[kind]


def _folders(view: View) -> NDArray[np.bool_]:
    return np.fromiter((kind == DIRECTORY for kind in view.types), dtype=bool, count=len(view))


def _above(view: View, rows: list[int]) -> set[str]:
    """Give all folders in which rows stand, however deep."""
    found, last = set[str](), None
    for row in rows:
        above = view.paths[row].rpartition("/")[0]
        if above == last:
            continue
        last = above
        while above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return found


def _chosen(view: View, rows: NDArray[np.int64], wanted: NDArray[np.bool_]) -> View:
    places = rows.tolist()
    return View(
        paths=[view.paths[row] for row in places],
        types=[view.types[row] for row in places],
        sizes=view.sizes[rows],
        counted=view.counted[rows] & wanted[rows],
        hidden=view.hidden[rows],
        targets=[view.targets[row] for row in places],
        owner=lambda row: view.owner(places[row]),
        content=lambda row: view.content(places[row]),
        marks=view.marks.chosen(rows),
        after=view.after,
        whole=view,
        matches=wanted[rows],
    )
