"""dive's three figures, with its quirks, for people who compare; ours are in `waste`, and share nothing with them.

They are those of dive 0.13.1 (its ``filetree/efficiency.go`` and ``image/analysis.go``). It hangs the entries of each
layer into a tree, whatever their order, and then adds up the leaves of all trees, path by path: the efficiency is the
sum of each path's smallest size by the sum of all its sizes, and a path that was met twice is wasted as a whole. So:

- The copy that is left at the end is waste too: a file of 10 bytes that is written anew with 10 bytes wastes 20.
- A whiteout is a leaf with the name of what it removes. That of a file has size 0. That of a directory has the size of
  all that the layers below had in it, which are other paths: nothing is wasted, and the score rises.
- It has that size only if the directory was an entry of its own wherever anything was put into it: a layer that has
  ``a/b`` and no ``a`` makes ``a`` something without a type.
- A whiteout of what is not there ends the counting of its layer: all that comes later in the order of names is lost,
  and the smallest size of its path is -1 if nothing is ever met there. In the base layer whiteouts are looked up in
  that layer itself.
- Opaque markers remove nothing. What becomes a file or a link keeps its children, which are no waste. Leftovers of aufs
  are whiteouts of nothing.
- Hard links and symbolic links have size 0, and so has a directory. A directory is a leaf where nothing is put into it,
  so one that is met empty makes what was met as a file wasted, and takes its smallest size down to 0.
- In one layer the last entry of a path counts, but the bytes of a layer are those of all its entries. The base layer's
  bytes are not the user's.

Three things cannot be seen in `Columns`, and are left out: sizes in the headers of entries that are no files, bytes in
markers, and what eStargz adds for itself.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ocinb.archive.entries import DIRECTORY, OPAQUE, WHITEOUT, Columns

_PREFIX: Final = ".wh."
_NEVER: Final = ".wh..wh.."
_OPAQUE: Final = ".wh..wh..opq"
# What text_of made of bytes, and of the backslashes before them.
_ESCAPED: Final = re.compile(rb"(?<!\\)((?:\\\\)*)(?:\\x([0-9a-f]{2})|(?<=\\)(?=x))")
_NO_NAMES: Final = frozenset({"", ".", ".."})
# The names of a layer come to those below at one moment; what its markers remove goes before that, or after.
_MOMENTS: Final = 3
# A path of a megabyte has half a million names, so that a small layer could fill any memory with them. So many are
# harmless, and so many more for each entry: what has more is deeper than any real file system.
HARMLESS_NAMES: Final = 500_000
NAMES_PER_ENTRY: Final = 16


@dataclass(frozen=True, slots=True)
class DiveFigures:
    """What dive says of an image; all None if it has more names in its paths than any real one.

    Attributes
    ----------
    efficiency
        ``image.efficiencyScore`` of its JSON.
    wasted_bytes
        ``image.inefficientBytes`` of its JSON.
    user_wasted_ratio
        What its rule ``highestUserWastedPercent`` compares: wasted bytes by the bytes above the base layer. Infinite if
        those are none, and None if there is no waste either.
    """

    efficiency: float | None
    wasted_bytes: int | None
    user_wasted_ratio: float | None


def dive_figures(layers: Sequence[Columns]) -> DiveFigures:
    """Give what dive says of an image.

    Examples
    --------
    >>> layer = Columns([0], ["a"], ["file"], [10], [0o644], [0], [0], [0], [None], [bytes(32)], [512])
    >>> dive_figures([layer, layer])
    DiveFigures(efficiency=0.5, wasted_bytes=20, user_wasted_ratio=2.0)
    """
    counting = _Counting(layers)
    try:
        for number, layer in enumerate(layers):
            counting.add(number, layer)
    except _TooManyNamesError:
        return DiveFigures(None, None, None)
    paths = counting.paths
    least, total = sum(path.least for path in paths), sum(path.total for path in paths)
    wasted = sum(path.total for path in paths if path.times > 1)
    user = sum(sum(layer.size_bytes) for layer in layers[1:])
    return DiveFigures(float(least) / float(total) if total else 1.0, wasted, _ratio(wasted, user))


def _ratio(wasted: int, user: int) -> float | None:
    if user:
        return float(wasted) / float(user)
    return math.inf if wasted else None


class _TooManyNamesError(Exception):
    """There are more names than memory is for."""


class _Path:
    """A name in a directory, with what one layer, the layers below it, and all layers have there.

    Attributes
    ----------
    parent, name, children
        Where it is. All layers share one tree of paths, in which nothing is ever removed.
    layer
        The last one that has it, itself or in the path of another.
    parted
        The last one that has something in it.
    size, is_directory
        What it is in that layer; a name that only stands in the paths of others is nothing.
    born, cut
        When it came to the layers below, and when it was removed there with all that is in it. It is there if it was
        born after it and whatever is above it was cut.
    below_size, below_is_directory
        What it is there.
    least, total, times
        What was met there in all layers.
    """

    __slots__ = (
        "below_is_directory",
        "below_size",
        "born",
        "children",
        "cut",
        "is_directory",
        "layer",
        "least",
        "name",
        "parent",
        "parted",
        "size",
        "times",
        "total",
    )

    def __init__(self, parent: _Path | None, name: str) -> None:
        self.parent = parent
        self.name = name
        self.children: dict[str, _Path] = {}
        self.layer = self.parted = self.born = self.cut = -1
        self.size = self.below_size = self.least = self.total = self.times = 0
        self.is_directory = self.below_is_directory = False

    def meet(self, size: int) -> None:
        """Be a leaf of a layer, of this size."""
        self.least = min(self.least, size) if self.times else size
        self.total += size
        self.times += 1

    def miss(self) -> None:
        """Be named and not be met; if nobody ever meets it, what dive begins with is left."""
        if not self.times:
            self.least = -1

    def last_cut(self) -> int:
        """Say when it, or something above it, was removed last."""
        cut, here = self.cut, self.parent
        while here is not None:
            cut, here = max(cut, here.cut), here.parent
        return cut

    def order(self) -> list[bytes]:
        """Say where dive meets it among the leaves of a layer."""
        names, here = [], self
        while here.parent is not None:
            names.append(_raw_name(here.name))
            here = here.parent
        return names[::-1]


class _Counting:
    """The paths of an image, while one layer after the other is counted.

    Attributes
    ----------
    paths
        All of them, in no order.
    """

    def __init__(self, layers: Sequence[Columns]) -> None:
        self._root = _Path(None, "")
        self.paths = [self._root]
        self._left = HARMLESS_NAMES + NAMES_PER_ENTRY * sum(map(len, layers))
        # After that nobody asks what lies below.
        self._last = max((number for number, layer in enumerate(layers) if WHITEOUT in layer.type), default=0)

    def add(self, number: int, layer: Columns) -> None:
        """Count a layer."""
        tree = self._tree(number, layer)
        leaves = [path for path in tree if path.parted != number]
        markers = [path for path in tree if path.name.startswith(_PREFIX)]
        if not number:  # whose whiteouts are looked up in itself
            _put_below(tree, number)
        self._meet(leaves)
        gone = set(markers).intersection(leaves)  # of which nothing is left
        if not number:
            for path in gone:
                path.born = -1
        if number < self._last:
            _cut_below(markers, number)
            _put_below((path for path in tree if path not in gone), number)

    def _tree(self, number: int, layer: Columns) -> list[_Path]:
        """Give the names of a layer: every name of a path is one, though only its last one has a size and a type."""
        tree: list[_Path] = []
        folders: dict[str, _Path | None] = {}
        for path, kind, size in zip(layer.path, layer.type, layer.size_bytes, strict=True):
            head, name = _split(path, kind)
            if head not in folders:
                folders[head] = self._walk(number, _clean(head), tree)
            folder = folders[head]
            found = self._named(number, folder, name, tree) if folder and name else None
            if found:
                found.size, found.is_directory = size, kind == DIRECTORY
        return tree

    def _walk(self, number: int, path: str, tree: list[_Path]) -> _Path | None:
        found: _Path | None = self._root
        for name in path.split("/") if path else ():
            found = found and self._named(number, found, name, tree)
        return found

    def _named(self, number: int, folder: _Path, name: str, tree: list[_Path]) -> _Path | None:
        """Give a name in a directory; None for an opaque marker, so that nothing below it is made either."""
        found = folder.children.get(name)
        if found is None:
            if name.startswith(_NEVER):
                return None
            found = self._new(folder, name)
        if found.layer != number:
            self._left -= 1
            if self._left < 0:
                raise _TooManyNamesError
            found.layer = folder.parted = number
            found.size, found.is_directory = 0, False
            tree.append(found)
        return found

    def _new(self, folder: _Path, name: str) -> _Path:
        made = folder.children[name] = _Path(folder, name)
        self.paths.append(made)
        return made

    def _meet(self, leaves: list[_Path]) -> None:
        """Meet the leaves of a layer, in dive's order until one removes what does not lie below."""
        removed = {leaf: _removed(leaf) for leaf in leaves if leaf.name.startswith(_PREFIX)}
        missing = [leaf for leaf, there in removed.items() if there is None]
        if missing:  # else the order makes no difference
            first = min(missing, key=_Path.order)
            end = first.order()
            leaves = [leaf for leaf in leaves if leaf.order() < end]
        sizes: dict[_Path, int] = {}
        for leaf in leaves:
            there = removed.get(leaf) if removed else None
            if there is None:
                leaf.meet(leaf.size)
            else:
                there.meet(_size(there, sizes) if there.below_is_directory else 0)
        if missing and first.parent:
            name = first.name.removeprefix(_PREFIX)
            (first.parent.children.get(name) or self._new(first.parent, name)).miss()


def _split(path: str, kind: str) -> tuple[str, str]:
    """Give the directory, which need not be clean, and the name that an entry has in the tar."""
    if kind == OPAQUE:
        return _clean(path), _OPAQUE
    head, _, name = path.rpartition("/")
    if name in _NO_NAMES or path[0] == "/":
        head, _, name = _clean(path).rpartition("/")
    return head, f"{_PREFIX}{name}" if kind == WHITEOUT else name


def _clean(path: str) -> str:
    """Resolve dots as dive does: without a look at links, and those that lead out stay."""
    whole = f"/{path}/"
    if not ("//" in whole or "/./" in whole or "/../" in whole):
        return path
    clean = posixpath.normpath(path)
    return "" if clean == "." else clean


def _removed(marker: _Path) -> _Path | None:
    """Give what a whiteout removes of the layers below; None if that is not there."""
    found = marker.parent.children.get(marker.name.removeprefix(_PREFIX)) if marker.parent else None
    return found if found and found.born > found.last_cut() else None


def _size(path: _Path, known: dict[_Path, int]) -> int:
    """Sum up all that is in a directory of the layers below; what was summed up before is known."""
    todo = [(path, path.last_cut())]
    while todo:
        last, cut = todo[-1]
        inside = [(child, max(cut, child.cut)) for child in last.children.values()]
        there = [(child, child_cut) for child, child_cut in inside if child.born > child_cut]
        waiting = [one for one in there if one[0] not in known]
        if not waiting:
            known[todo.pop()[0]] = last.below_size + sum(known[child] for child, _ in there)
        todo += waiting
    return known[path]


def _put_below(tree: Iterable[_Path], number: int) -> None:
    """Put the names of a layer on those below it: whatever a directory becomes keeps its children."""
    for path in tree:
        path.born = _MOMENTS * number + 1
        path.below_size, path.below_is_directory = path.size, path.is_directory


def _cut_below(markers: Iterable[_Path], number: int) -> None:
    """Remove what markers name: before the names of their layer come, or after those that dive meets before them."""
    for marker in markers:
        name = marker.name.removeprefix(_PREFIX)
        found = marker.parent.children.get(name) if marker.parent else None
        if found:
            is_later = found.layer == number and _raw_name(name) < _raw_name(marker.name)
            found.cut = _MOMENTS * number + (2 if is_later else 0)


def _raw_name(name: str) -> bytes:
    """Give the bytes that a name was made of by `text_of`."""
    raw = name.encode()
    return _ESCAPED.sub(_unescaped, raw) if b"\\x" in raw else raw


def _unescaped(found: re.Match[bytes]) -> bytes:
    return found[1][::2] + (bytes.fromhex(found[2].decode()) if found[2] else b"")
