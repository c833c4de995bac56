"""Folders of files, cut to what can be seen: the largest things are kept, and the rest is gathered where it lies.

A folder is never smaller than what is in it, so whatever is kept has its folder kept as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Path = tuple[str, ...]


@dataclass(slots=True)
class Sums:
    """What lies below a folder, or what a file is: bytes, those of them that are hidden, and files."""

    whole: int = 0
    hidden: int = 0
    files: int = 0

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


def _telling(folders: Mapping[Path, Sums], titles: int) -> list[Path]:
    """Give the folders that hold something, but for those that hold a single folder and nothing else."""
    passed = {path[:-1] for path, sums in folders.items() if len(path) > 1 and folders[path[:-1]] == sums}
    return [
        path for path, sums in folders.items() if path and sums.whole and (len(path) <= titles or path not in passed)
    ]


def tree(direct: Mapping[Path, Sums], leaves: Sequence[Leaf], top: int, *, titles: int = 0) -> list[Node]:
    """Build the tree of the largest folders and files.

    Parameters
    ----------
    direct
        What lies in each folder itself, without the folders in it.
    leaves
        The largest files: no more than are kept are needed.
    top
        How many folders and files are kept, beside the root and what is gathered.

    titles
        How many levels above the folders have names of another kind, and are kept as they are.

    Returns
    -------
    list of Node
        The root first, and each after its folder. What lies in a folder adds up to it exactly.
    """
    folders = _folders(direct)
    # Empty files weigh nothing, so they cannot be seen; they are counted in what is gathered.
    chosen = [leaf for leaf in leaves if leaf.sums.whole]
    candidates: list[tuple[int, int, Path, Leaf | None]] = [
        *((-folders[path].whole, len(path), path, None) for path in _telling(folders, titles)),
        *((-leaf.sums.whole, len(leaf.path), leaf.path, leaf) for leaf in chosen),
    ]
    candidates.sort(key=lambda one: one[:3])
    kept = _Kept()
    kept.add(None, (), folders[()], "root")
    for _, _, path, leaf in candidates[:top]:
        parent = kept.above(path)
        if leaf is None:
            kept.add(parent, path, folders[path], "folder")
        else:
            kept.add(parent, path, leaf.sums, "file", leaf.row)
    _gather(kept)
    return kept.nodes


def _folders(direct: Mapping[Path, Sums]) -> Mapping[Path, Sums]:
    folders: dict[Path, Sums] = defaultdict(Sums)
    folders[()] = Sums()
    for path, sums in direct.items():
        for depth in range(len(path) + 1):
            folders[path[:depth]].add(sums)
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
