"""Layers applied in the most obvious way: a dict of paths, searched from end to end whenever something is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ocinb.archive.entries import DIRECTORY, FILE, HARDLINK, OPAQUE, SYMLINK, WHITEOUT, Columns
from ocinb.rootfs.filesystem import Entry, Overlay

T = TypeVar("T")
_LEFTOVERS = (".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk")


@dataclass
class Node:
    """What stands at a path; a directory that no layer stores has no owner."""

    type: str
    owner: Entry | None = None
    content: Entry | None = None
    target: str = ""


class Applied:
    """The layers of an image, applied one after the other."""

    def __init__(self, layers: Sequence[Columns]) -> None:
        self.nodes = {"": Node(DIRECTORY)}
        self.layers = layers
        self.layer = 0
        self.passed: list[str] = []  # the symbolic links on the way to what was looked up last
        self.change: dict[Entry, str] = {}
        self.hidden: dict[Entry, tuple[int, str]] = {}
        for self.layer, columns in enumerate(layers):
            self._apply(columns)

    @property
    def implied(self) -> set[str]:
        """The directories that no layer stores."""
        return {path for path, node in self.nodes.items() if node.owner is None} - {""}

    def overlay(self) -> Overlay:
        shown = {path: node for path, node in self.nodes.items() if node.owner is not None}
        paths = sorted(shown)
        owners = {node.owner for node in shown.values()}

        return Overlay(
            visible=self._each(lambda entry: entry in owners),
            change=self._each(lambda entry: self.change.get(entry, "added")),
            hidden_in=self._each(lambda entry: self.hidden.get(entry, (None, None))[0]),
            reason=self._each(lambda entry: self.hidden.get(entry, (None, None))[1]),
            paths=paths,
            owners=[shown[path].owner for path in paths],  # type: ignore[misc] # those without are not shown
            contents=[shown[path].content or shown[path].owner for path in paths],  # type: ignore[misc] # the same
        )

    def _each(self, told: Callable[[Entry], T]) -> list[list[T]]:
        return [[told((layer, place)) for place in range(len(columns))] for layer, columns in enumerate(self.layers)]

    def _apply(self, columns: Columns) -> None:
        below = set(self.nodes) if self.layer else set()
        rows = [*zip(columns.path, columns.type, columns.link_target, strict=True)]
        before = [self.linked(target, {}) if kind == HARDLINK else None for _, kind, target in rows]
        self._apply_markers(rows)
        linked = [None if self.linked(target, {}) else old for old, (*_, target) in zip(before, rows, strict=True)]
        leftovers: dict[str, Entry] = {}
        for place, (path, kind, target) in enumerate(rows):
            entry = (self.layer, place)
            if kind in {WHITEOUT, OPAQUE}:
                self.change[entry] = "deleted"
            elif path.split("/")[0] in _LEFTOVERS:
                leftovers |= {path: entry} if kind == FILE else {}
            else:
                content = self.linked(target, leftovers) or linked[place] if kind == HARDLINK else entry
                if content is not None:
                    self._put(entry, path, self._node(entry, content, kind, target), below)
                else:
                    self.change[entry] = "modified" if self._leads_to(path) in below - {""} else "added"

    def _node(self, entry: Entry, content: Entry, kind: str, target: str | None) -> Node:
        if kind == HARDLINK:
            layer, place = content
            kind, target = self.layers[layer].type[place], self.layers[layer].link_target[place]
        return Node(kind, entry, None if kind == DIRECTORY else content, target or "")

    def _apply_markers(self, rows: Sequence[tuple[str, str, str | None]]) -> None:
        stored = {path for path, kind, _ in rows if kind not in {WHITEOUT, OPAQUE}}
        for path in sorted(path for path, kind, _ in rows if kind == OPAQUE):
            at = self.lead(clean(path), stored)
            if at is not None:
                self._remove([one for one in self.nodes if one != at and is_in(one, at)], "opaque")
        for path in sorted(path for path, kind, _ in rows if kind == WHITEOUT):
            names = clean(path)
            at = self.lead(names[:-1], stored) if names else None
            if names and at is not None:
                self._remove([one for one in self.nodes if is_in(one, join(at, names[-1]))], "deleted")

    def _put(self, entry: Entry, path: str, node: Node, below: set[str]) -> None:
        names = clean(path)
        if names == [] and node.type == DIRECTORY:
            self.change[entry] = "modified" if self.layer else "added"
            self._replace("", node)
        at = self.lead(names[:-1]) if names else None
        if names and at is not None:
            parts = at.split("/") if at else []
            for depth in range(1, len(parts) + 1):
                parent = "/".join(parts[:depth])
                if self.nodes.get(parent, Node("")).type != DIRECTORY:
                    self._replace(parent, Node(DIRECTORY))
            place = join(at, names[-1])
            self.change[entry] = "modified" if place in below else "added"
            self._replace(place, node)

    def _leads_to(self, path: str) -> str | None:
        names = clean(path)
        at = self.lead(names[:-1]) if names else None
        return join(at, names[-1]) if names and at is not None else None

    def _replace(self, path: str, node: Node) -> None:
        old = self.nodes.get(path)
        if old is None or old.type != DIRECTORY or node.type != DIRECTORY:
            self._remove([one for one in self.nodes if one != path and is_in(one, path)], "replaced")
        self._remove([path] if old else [], "overwritten")
        self.nodes[path] = node
        if node.content is not None:
            self.hidden.pop(node.content, None)

    def _remove(self, paths: Sequence[str], reason: str) -> None:
        for path in paths:
            node = self.nodes.pop(path)
            if node.owner is not None and node.owner != node.content:
                self.hidden[node.owner] = (self.layer, reason)
            if node.content is not None and not any(other.content == node.content for other in self.nodes.values()):
                self.hidden[node.content] = (self.layer, reason)

    def linked(self, target: str | None, leftovers: dict[str, Entry]) -> Entry | None:
        names = clean(target or "")
        at = self.lead(names[:-1]) if names else None
        node = self.nodes.get(join(at, names[-1])) if names and at is not None else None
        return leftovers.get(target or "") or (None if node is None else node.content)

    def lead(self, names: list[str] | None, replaced: Collection[str] = ()) -> str | None:
        """Say where a path leads, there or not; None if it leads too far or through a link that is replaced."""
        if names is None:
            return None
        at: list[str] = []
        todo = [(name, "/".join(names[: depth + 1])) for depth, name in enumerate(names)]
        followed: list[str] = []
        self.passed = []
        while todo:
            name, said = todo.pop(0)
            here = self.nodes.get("/".join([*at, name]))
            if name == "..":
                at = at[:-1]
            elif here is not None and here.type == SYMLINK and name not in {"", "."}:
                followed.append(here.target)
                self.passed.append("/".join([*at, name]))
                if said in replaced or len(followed) > 40 or sum(map(len, followed)) > 4096:
                    return None
                at = [] if here.target.startswith("/") else at
                todo = [(part, "\0") for part in here.target.split("/")] + todo
            elif name not in {"", "."}:
                at.append(name)
        return "/".join(at)


def clean(path: str) -> list[str] | None:
    """Give the names of a path without turns; None if it leaves the root."""
    names: list[str] = []
    for name in path.split("/"):
        if name == ".." and not names:
            return None
        if name == "..":
            names.pop()
        elif name not in {"", "."}:
            names.append(name)
    return names


def join(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent else name


def is_in(path: str, top: str) -> bool:
    return path == top or not top or path.startswith(f"{top}/")
