"""Folders of files, cut to what can be seen: the largest things are kept, and the rest is gathered where it lies.

A folder is never smaller than what is in it, so whatever is kept has its folder kept as well.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Path = tuple[str, ...]


@dataclass(slots=True)
class Sums:
    """What lies below a folder, or what a file is: bytes, those of them that are hidden, and files.

    `folders` counts those that lie directly in it.
    """

    whole: int = 0
    hidden: int = 0
    files: int = 0
    folders: int = field(default=0, compare=False)

    def add(self, other: Sums) -> None:
        """Take in what lies below as well."""
        self.whole += other.whole
        self.hidden += other.hidden
        self.files += other.files


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file: where it is, what it is, and which row of the frame says more."""

    path: Path
    sums: Sums
    row: int


@dataclass(frozen=True, slots=True)
class Node:
    """A thing in the picture.

    Attributes
    ----------
    number
        Its own number.
    parent
        That of its folder; None for the root.
    path
        The names from the root to it.
    sums
        What it holds.
    kind
        root, folder, file or more (what was gathered).
    row
        The row of the frame, if it is one file.
    """

    number: int
    parent: int | None
    path: Path
    sums: Sums
    kind: str
    row: int | None = None


@dataclass(slots=True)
class _Kept:
    nodes: list[Node] = field(default_factory=list)
    numbers: dict[Path, int] = field(default_factory=dict)

    def add(self, parent: int | None, path: Path, sums: Sums, kind: str, row: int | None = None) -> None:
        number = len(self.nodes)
        self.nodes.append(Node(number, parent, path, sums, kind, row))
        if kind in ("root", "folder"):
            self.numbers[path] = number

    def above(self, path: Path) -> int:
        """Find the nearest kept folder of a path."""
        return next(
            self.numbers[path[:depth]] for depth in range(len(path) - 1, -1, -1) if path[:depth] in self.numbers
        )


def tree(direct: Mapping[Path, Sums], leaves: Sequence[Leaf], top: int, *, titles: int = 0) -> list[Node]:
    """Build the tree of the largest folders and files."""
    folders = _folders(direct)
    # Empty files weigh nothing, so they cannot be seen; they are counted in what is gathered. A folder that holds a
    # single folder and nothing else is passed over: the name of that one has both.
    chosen = [leaf for leaf in leaves if leaf.sums.whole]
    candidates: list[tuple[int, int, Path, Leaf | None]] = [
        *(
            (-sums.whole, len(path), path, None)
            for path, sums in folders.items()
            if path and sums.whole and (len(path) <= titles or sums.folders != 1 or path in direct)
        ),
        *((-leaf.sums.whole, len(leaf.path), leaf.path, leaf) for leaf in chosen),
    ]
    largest = heapq.nsmallest(top, candidates, key=lambda one: one[:3])
    kept = _Kept()
    kept.add(None, (), folders[()], "root")
    for _, _, path, leaf in largest:
        parent = kept.above(path)
        if leaf is None:
            kept.add(parent, path, folders[path], "folder")
        else:
            kept.add(parent, path, leaf.sums, "file", leaf.row)
    _gather(kept)
    return kept.nodes


def _folders(direct: Mapping[Path, Sums]) -> dict[Path, Sums]:
    """Add up what lies below each folder: the deepest first, and each only to the one that it is in."""
    folders = {path: Sums(sums.whole, sums.hidden, sums.files) for path, sums in direct.items()}
    levels: dict[int, list[tuple[Path, Sums]]] = defaultdict(list)
    for path, sums in folders.items():
        levels[len(path)].append((path, sums))
    for depth in range(max(levels, default=0), 0, -1):
        for path, sums in levels[depth]:
            above = folders.get(path[:-1])
            if above is None:
                folders[path[:-1]] = above = Sums()
                levels[depth - 1].append((path[:-1], above))
            above.add(sums)
            above.folders += 1
    folders.setdefault((), Sums())
    return folders


def _gather(kept: _Kept) -> None:
    """Put into each kept folder one thing for all that is seen and was not kept, and one for all that is hidden."""
    within: dict[int, Sums] = defaultdict(Sums)
    for node in kept.nodes:
        if node.parent is not None:
            within[node.parent].add(node.sums)
    for node in [node for node in kept.nodes if node.kind != "file"]:
        inside = within[node.number]
        hidden = node.sums.hidden - inside.hidden
        seen = node.sums.whole - inside.whole - hidden
        files = node.sums.files - inside.files
        if seen:
            kept.add(node.number, (*node.path, "…"), Sums(seen, 0, files), "more")
        if hidden:
            kept.add(node.number, (*node.path, "…"), Sums(hidden, hidden, 0 if seen else files), "more")
