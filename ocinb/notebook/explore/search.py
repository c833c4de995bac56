"""Searching: the rows of a view whose paths fit a glob, or have a word in them.

A glob is looked for in a hundred thousand paths by its longest plain part, which takes Python some milliseconds, and
only what has that is compared with all of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import translate
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

import numpy as np

from ocinb.archive.entries import DIRECTORY
from ocinb.errors import InvalidError
from ocinb.notebook.explore.views import CODES, View
from ocinb.rootfs.overlay_state import CHANGES

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOST_CHARACTERS: Final = 1000
_SPECIAL: Final = re.compile(r"[*?]|\[!?\]?[^\]]*\]")


class Search:
    """What fits a pattern in one view.

    Attributes
    ----------
    rows
        The rows that fit, in the order of their paths.
    total_bytes
        What the regular files among them take; a directory brings nothing of what is in it.
    gone_bytes
        The same of those that a layer took away, which the others do not count.
    """

    def __init__(self, view: View, pattern: str) -> None:
        if len(pattern) > MOST_CHARACTERS:
            raise InvalidError(f"the pattern has {len(pattern):,} characters, more than {MOST_CHARACTERS:,}")
        wanted = pattern.removeprefix("./").lstrip("/") or pattern
        small = wanted.lower()
        self._view = view
        self.rows = _meant(view, _fitting(view.paths, wanted) if wanted != small else ())
        if not len(self.rows):
            self.rows = _meant(view, _fitting(view.lowered, small))
        sizes = np.where(view.counted[self.rows], view.sizes[self.rows], 0)
        self.total_bytes = int(sizes.sum())

    def sorted(self, by: str) -> NDArray[np.int64]:
        """Give the rows by ``"name"``, or by ``"size"``, the largest first."""
        if by == "name":
            return self.rows
        return self.rows[np.argsort(-self._view.bytes_below[self.rows], kind="stable")]


def _meant(view: View, rows: Sequence[int]) -> NDArray[np.int64]:
    """Leave out the folders that are there as ways alone."""
    found = np.array(rows, dtype=np.int64)
    return found if view.matches is None else found[view.matches[found]]


def _fitting(paths: Sequence[str], wanted: str) -> list[int]:
    """Give the places of the paths that fit.

    >>> _fitting(["etc", "etc/passwd", "srv/shop/deploy.key"], "deploy.*")
    [2]
    """
    if not _SPECIAL.search(wanted):
        return [place for place, path in enumerate(paths) if wanted in path]
    plain = max(_SPECIAL.split(wanted), key=len)
    fits = re.compile(translate(wanted)).match
    if "/" in wanted or wanted.startswith("*"):  # with such a star whatever fits the name fits the path
        return [place for place, path in enumerate(paths) if plain in path and fits(path)]
    return [
        place for place, path in enumerate(paths) if plain in path and (fits(path) or fits(path.rpartition("/")[2]))
    ]


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
    repeated = is_folder & (view.marks.changes == CODES["modified"])
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
        matches=wanted[rows],
    )
