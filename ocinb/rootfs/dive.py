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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ocinb.archive.entries import DIRECTORY, OPAQUE, WHITEOUT, Columns

_PREFIX: Final = ".wh."
_NEVER: Final = ".wh..wh.."
_OPAQUE: Final = ".wh..wh..opq"
# What text_of made of bytes, and of the backslashes before them.
_ESCAPED: Final = re.compile(rb"(?<!\\)((?:\\\\)*)(?:\\x([0-9a-f]{2})|(?<=\\)(?=x))")
_UNCLEAN: Final = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")
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

    Parameters
    ----------
    layers
        The entries of each layer, the base first, markers as rows of their own types.

    Returns
    -------
    DiveFigures
        Not rounded.

    Examples
    --------
    >>> layer = Columns([0], ["a"], ["file"], [10], [0o644], [0], [0], [0], [None], [bytes(32)], [512])
    >>> dive_figures([layer, layer])
    DiveFigures(efficiency=0.5, wasted_bytes=20, user_wasted_ratio=2.0)
    """
    try:
        paths = _paths(layers)
    except _TooManyNamesError:
        return DiveFigures(None, None, None)
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


class _Node:
    """An entry in a tree, or a name that only stands in the paths of others."""

    __slots__ = ("children", "is_directory", "size")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.size = 0
        self.is_directory = False

    def child(self, name: str) -> _Node:
        found = self.children.get(name)
        if found is None:
            found = self.children[name] = _Node()
        return found


class _Path:
    """What was met under a path in all layers."""

    __slots__ = ("children", "least", "times", "total")

    def __init__(self) -> None:
        self.children: dict[str, _Path] = {}
        self.least = self.times = self.total = 0

    def child(self, name: str) -> _Path:
        found = self.children.get(name)
        if found is None:
            found = self.children[name] = _Path()
        return found

    def miss(self) -> None:
        """Be named and not be met; if nobody ever meets it, what dive begins with is left."""
        if not self.times:
            self.least = -1

    def meet(self, size: int) -> None:
        self.least = min(self.least, size) if self.times else size
        self.total += size
        self.times += 1


def _paths(layers: Sequence[Columns]) -> list[_Path]:
    """Give all paths, with what was met there."""
    trees, root, below = _Trees(sum(map(len, layers))), _Path(), _Node()
    last = max((number for number, layer in enumerate(layers) if WHITEOUT in layer.type), default=0)
    for number, layer in enumerate(layers):
        tree = trees.of(layer)
        _meet(tree, below if number else tree, root)
        if number < last:  # after that nobody asks what lies below
            _stack(below, tree)
    return _all(root)


class _Trees:
    """Make trees, with not too many names in all of them together."""

    def __init__(self, entries: int) -> None:
        self._left = HARMLESS_NAMES + NAMES_PER_ENTRY * entries

    def of(self, layer: Columns) -> _Node:
        """Make the tree of a layer: every name of a path is in it, though only its last one has a size and a type."""
        root = _Node()
        folder: _Node | None = root
        parent = ""
        for entry, kind, size in zip(layer.path, layer.type, layer.size_bytes, strict=True):
            head, name = _split(entry, kind)
            if head != parent:
                parent, folder = head, self._walk(root, head)
            node = self._child(folder, name) if folder and name else None
            if node:
                node.size, node.is_directory = size, kind == DIRECTORY
        return root

    def _walk(self, node: _Node, path: str) -> _Node | None:
        found: _Node | None = node
        for name in path.split("/") if path else ():
            found = found and self._child(found, name)
        return found

    def _child(self, node: _Node, name: str) -> _Node | None:
        """Give a name in a directory; None for an opaque marker, so that nothing below it is made either."""
        found = node.children.get(name)
        if found is None and not name.startswith(_NEVER):
            self._left -= 1
            if self._left < 0:
                raise _TooManyNamesError
            found = node.children[name] = _Node()
        return found


def _split(path: str, kind: str) -> tuple[str, str]:
    """Give the directory and the name that an entry has in the tar."""
    path = _clean(path)
    if kind == OPAQUE:
        return path, _OPAQUE
    head, _, name = path.rpartition("/")
    return head, f"{_PREFIX}{name}" if kind == WHITEOUT else name


def _clean(path: str) -> str:
    """Resolve dots as dive does: without a look at links, and those that lead out stay."""
    clean = posixpath.normpath(path) if _UNCLEAN.search(path) else path
    return "" if clean == "." else clean


def _meet(tree: _Node, below: _Node, root: _Path) -> None:
    """Meet the leaves of a layer in their order, until one removes what does not lie below."""
    sizes: dict[_Node, int] = {}
    todo = _opened(tree, root, below)
    while todo:
        name, node, path, under = todo.pop()
        if node.children:
            todo += _opened(node, path.child(name), under and under.children.get(name))
        elif not name.startswith(_PREFIX):
            path.child(name).meet(node.size)
        else:
            name = name.removeprefix(_PREFIX)
            removed = under and under.children.get(name)
            if not removed:
                path.child(name).miss()
                return
            path.child(name).meet(_size(removed, sizes) if removed.is_directory else 0)


def _opened(node: _Node, path: _Path, below: _Node | None) -> list[tuple[str, _Node, _Path, _Node | None]]:
    """Give what is in a directory, the first one last, with what the directory is to the paths and to what is below."""
    return [(name, child, path, below) for name, child in reversed(_in_order(node))]


def _size(node: _Node, known: dict[_Node, int]) -> int:
    """Sum up all that is in a directory; what was summed up before is known."""
    todo = [node]
    while todo:
        last = todo[-1]
        waiting = [child for child in last.children.values() if child not in known]
        if not waiting:
            known[todo.pop()] = last.size + sum(known[child] for child in last.children.values())
        todo += waiting
    return known[node]


def _stack(below: _Node, tree: _Node) -> None:
    """Put a layer on those below it: whiteouts remove, and whatever a directory becomes keeps its children."""
    todo = [(below, tree)]
    while todo:
        under, above = todo.pop()
        for name, node in _in_order(above):
            is_marker = name.startswith(_PREFIX)
            if is_marker:
                under.children.pop(name.removeprefix(_PREFIX), None)
            if node.children or not is_marker:
                found = under.child(name)
                found.size, found.is_directory = node.size, node.is_directory
                todo.append((found, node))


def _in_order(node: _Node) -> list[tuple[str, _Node]]:
    return sorted(node.children.items(), key=_raw_name) if len(node.children) > 1 else list(node.children.items())


def _raw_name(item: tuple[str, _Node]) -> bytes:
    """Give the bytes that a name was made of by `text_of`."""
    raw = item[0].encode()
    return _ESCAPED.sub(_unescaped, raw) if b"\\x" in raw else raw


def _unescaped(found: re.Match[bytes]) -> bytes:
    return found[1][::2] + (bytes.fromhex(found[2].decode()) if found[2] else b"")


def _all(root: _Path) -> list[_Path]:
    found = [root]
    for path in found:
        found += path.children.values()
    return found
