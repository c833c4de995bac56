"""Applying: one layer after the other on the file system of an image, and what that does to each entry.

Source: OCI image-spec, layer.md ("Applying Changesets", "Whiteouts"). What it leaves open (symbolic links on the way to
an entry, hard links into lower layers) is done as those who unpack images do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ocinb.archive.entries import DIRECTORY, FILE, HARDLINK, OPAQUE, SYMLINK, WHITEOUT, Columns
from ocinb.errors import InvalidError
from ocinb.rootfs.overlay_state import DELETED, MADE_OPAQUE, REMOVED, Directory, Ledger, Trail, forget_from
from ocinb.rootfs.tree import Tree
from ocinb.rootfs.whiteouts import MARKERS, is_leftover

# The characters of the paths of all entries that stand elsewhere than they say: a short name may be led to a long path.
MAX_MOVED_CHARACTERS: Final = 256 * 1024 * 1024

_NO_NAMES: Final = frozenset({"", ".", ".."})


class Applying:
    """One image, while its layers are applied, from its base up; an entry is a number, counted through all of them.

    Attributes
    ----------
    ledger
        What became of each entry.
    starts
        The number of the first entry of each layer, and one more.
    moved
        Where entries stand that stand elsewhere than they say.
    """

    def __init__(self) -> None:
        self.ledger = Ledger(0)
        self.starts = [0]
        self.moved: dict[int, str] = {}
        self._tree = Tree(self.ledger)
        self._moved_characters = 0
        self._targets: dict[int, str] = {}
        self._leftovers: dict[str, int] = {}
        self._parents: dict[str, tuple[Directory, bool] | None] = {}
        self._parents_at = 0

    def apply_undoably(self, columns: Columns) -> Trail:
        """Apply one layer on those before, and give what it takes to take it off again."""
        trail = Trail(self.starts[-1], self._tree.implied, self._moved_characters)
        self.ledger.trail = self._tree.trail = trail
        self.apply(columns)
        self.ledger.trail = self._tree.trail = None
        return trail

    def take_off(self, trail: Trail) -> None:
        """Take off the layer that was applied last."""
        self.ledger.take_off(trail)
        self._tree.take_off(trail)
        self._moved_characters = trail.moved_characters
        for known in (self.moved, self._targets):
            forget_from(trail.first, known)
        self.starts.pop()

    def apply(self, columns: Columns) -> None:
        """Apply one layer on those before."""
        first = self.starts[-1]
        self.ledger.begin_layer(len(self.starts) - 1, first, len(columns))
        self.starts.append(first + len(columns))
        self._leftovers.clear()
        before = self._apply_markers(first, columns)
        rows = zip(columns.path, columns.type, columns.link_target, strict=True)
        for entry, (path, kind, target) in enumerate(rows, first):
            if kind in MARKERS:
                self.ledger.change[entry] = DELETED
            elif is_leftover(path):
                if kind == FILE:  # as Docker, which keeps no others
                    self._leftovers[path] = entry
            elif kind == HARDLINK:
                self._put_link(entry, path, target or "", before.get(entry))
            else:
                self._put(entry, path, kind, target)
        self._tree.finish_layer()

    def _apply_markers(self, first: int, columns: Columns) -> dict[int, int]:
        """Take away what the markers of a layer remove; give what its hard links led to of that."""
        whiteouts = {path for path, kind in zip(columns.path, columns.type, strict=True) if kind == WHITEOUT}
        opaque = {path for path, kind in zip(columns.path, columns.type, strict=True) if kind == OPAQUE}
        if not whiteouts and not opaque:
            return {}
        before = dict(self._linked(first, columns))
        replaced = frozenset(_stored(columns)) if self._tree.symlinks else frozenset()
        # What is above comes first, so that nothing hangs on the order in the layer.
        for path in sorted(opaque):
            names = _names(path)
            directory = None if names is None else self._tree.find(names, replaced)
            if directory is not None:
                self._tree.clear(directory, MADE_OPAQUE)
        for path in sorted(whiteouts):
            names = _names(path)
            parent = self._tree.find(names[:-1], replaced) if names else None
            if names and parent is not None:
                self._tree.remove(parent, names[-1], REMOVED, REMOVED)
        after = dict(self._linked(first, columns))
        return {entry: content for entry, content in before.items() if entry not in after}

    def _linked(self, first: int, columns: Columns) -> Iterator[tuple[int, int]]:
        """Give the hard links of a layer that lead somewhere, with the content there."""
        rows = zip(columns.type, columns.link_target, strict=True)
        for entry, (kind, target) in enumerate(rows, first):
            content = self._content(target or "") if kind == HARDLINK else None
            if content is not None:
                yield entry, content

    def _content(self, target: str) -> int | None:
        """Give the entry that has the content of what a hard link names; None if that is nothing that may be linked."""
        if is_leftover(target):
            return self._leftovers.get(target)
        place = _place_of(target)
        parent = self._known_parent(place[0]) if place else None
        node = parent.children.get(place[1]) if place and parent else None
        return None if node is None or isinstance(node, Directory) else self.ledger.contents.get(node, node)

    def _put(self, entry: int, path: str, kind: str, target: str | None) -> None:
        place = self._place(entry, path)
        if place is not None:
            parent, name = place
            if kind == DIRECTORY:
                self._tree.put_directory(entry, parent, name)
            else:
                self._tree.put_other(entry, parent, name)
            self.ledger.show(entry)
            if kind == SYMLINK:
                self._tree.symlinks[entry] = self._targets[entry] = target or ""
        elif kind == DIRECTORY and _names(path) == []:
            self._put_root(entry)

    def _put_root(self, entry: int) -> None:
        self._tree.put_root(entry)
        self.moved[entry] = ""
        self.ledger.show(entry)

    def _put_link(self, entry: int, path: str, target: str, before: int | None) -> None:
        content = self._content(target)
        content = before if content is None else content
        if content is None:
            names = _names(path)
            if names:
                self.ledger.change[entry] = self._tree.stood_at(names)
            return
        place = self._place(entry, path)
        if place is not None:
            self._tree.put_other(entry, *place)
            self.ledger.show_link(entry, content)
            if content in self._targets:
                self._tree.symlinks[entry] = self._targets[content]

    def _place(self, entry: int, path: str) -> tuple[Directory, str] | None:
        """Find where an entry goes, and note it if that is elsewhere than it says; None if nowhere."""
        place = _place_of(path)
        found = None if place is None else self._parent(place[0])
        if place is None or found is None:
            return None
        (parent, straight), name = found, place[1]
        if not straight or path[0] == "/" or path.rpartition("/")[::2] != place:
            self._move(entry, parent.path_of(name))
        return parent, name

    def _move(self, entry: int, path: str) -> None:
        self.moved[entry] = path
        self._moved_characters += len(path)
        if self._moved_characters > MAX_MOVED_CHARACTERS:
            raise InvalidError(
                f"symbolic links lead entries of the image to paths of more than {MAX_MOVED_CHARACTERS:,} characters "
                "together, which no honest image does"
            )

    def _parent(self, path: str) -> tuple[Directory, bool] | None:
        """Find the directory of an entry, or make it, and say whether that is its path; None if it is nowhere."""
        self._forget_outdated()
        if path in self._parents:
            return self._parents[path]
        names = _names(path)
        return self._remembered(path, None if names is None else self._tree.make(names))

    def _known_parent(self, path: str) -> Directory | None:
        """Find a directory, so that many links into one cost one look; None if it is not there."""
        self._forget_outdated()
        found = self._parents.get(path)
        if found is None and (names := _names(path)) is not None and (parent := self._tree.find(names)) is not None:
            found = self._remembered(path, parent)
        return found and found[0]

    def _remembered(self, path: str, parent: Directory | None) -> tuple[Directory, bool] | None:
        found = None if parent is None else (parent, parent.path == path)
        if self._parents_at == self._tree.changes and not self._tree.turned:
            self._parents[path] = found
        return found

    def _forget_outdated(self) -> None:
        if self._parents_at != self._tree.changes:
            self._parents.clear()
            self._parents_at = self._tree.changes


def _place_of(path: str) -> tuple[str, str] | None:
    """Give the path of the directory and the name of an entry; None if it is the root's own, or leaves the root."""
    above, _, name = path.rpartition("/")
    if name not in _NO_NAMES and path[0] != "/":
        return above, name
    names = _names(path)
    return ("/".join(names[:-1]), names[-1]) if names else None


def _names(path: str) -> list[str] | None:
    """Give the names on the way to a path; None if it leaves the root."""
    names, whole = path.split("/"), f"/{path}/"
    if not ("//" in whole or "/./" in whole or "/../" in whole):  # whole names are compared as fast as letters
        return names
    clean: list[str] = []
    for name in names:
        if name != "..":
            clean.extend([name] if name not in _NO_NAMES else [])
        elif clean:
            clean.pop()
        else:
            return None
    return clean


def _stored(columns: Columns) -> Iterator[str]:
    rows = zip(columns.path, columns.type, strict=True)
    return (path for path, kind in rows if kind not in MARKERS)
