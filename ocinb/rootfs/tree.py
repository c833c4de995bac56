"""The tree: directories and what stands in them, while one layer after the other is applied.

Nothing here recurses and no path is ever compared with all others: a path costs its length, and a directory that goes
costs what is in it. A symbolic link costs its length once, and not for each path through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from ocinb.errors import InvalidError
from ocinb.rootfs.overlay_state import (
    LONG,
    MODIFIED,
    OVERWRITTEN,
    REPLACED,
    Directory,
    Ledger,
    Node,
    Trail,
    forget_from,
    stood_in,
)

# As Linux follows them: path_resolution(7) knows no more links in one path, and no longer name (PATH_MAX).
MAX_LINKS: Final = 40
MAX_LINK_CHARACTERS: Final = 4096
# Directories that no layer stores but that paths part in or turn back from; images have few.
MAX_IMPLIED: Final = 1_000_000

_BELOW: Final = -1
_ONLY_NAMES: Final = frozenset({"", ".", ".."}).isdisjoint


class Tree:
    """The file system as the layers so far have left it.

    Attributes
    ----------
    root
        Always there.
    symlinks
        What the symbolic links name, by entry.
    changes
        Rises whenever a path that was there may lead elsewhere than before.
    turned
        Whether the path that was looked up last turned back from a name that is not there: it may lead elsewhere as
        soon as something is.
    implied
        How many directories there are that no layer stores but that paths part in or turn back from.
    trail
        Where it is noted what this layer changes of those below it; None if it is not.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.root = Directory(None, "", -1, since=0)
        self.symlinks: dict[int, str] = {}
        self.changes = 0
        self.turned = False
        self.implied = 0
        self.trail: Trail | None = None
        self._ledger = ledger
        self._told: list[Directory] = []
        self._led: dict[int, _Led] = {}  # where symbolic links lead, by entry
        self._led_at = 0

    def find(self, names: Sequence[str], replaced: AbstractSet[str] = frozenset()) -> Directory | None:
        """Look a directory up; None if it is not there."""
        found = self._walk(names, replaced)
        return None if found is None or found[1] else found[0]

    def make(self, names: Sequence[str]) -> Directory | None:
        """Look a directory up and make it if it is not there, as unpackers do; None if symbolic links forbid it."""
        found = self._walk(names)
        if found is None:
            return None
        here, missing = found
        for place, name in enumerate(missing):
            if len(missing) - place > LONG and name not in here.children and name not in (here.was or ()):
                self._keep(here)
                row = Directory(here, "/".join(missing[place:]), -1, self._ledger.layer)
                here.children[name] = row
                return row
            self._count()
            here = self.put_directory(-1, here, name)
        return here

    def _walk(
        self, names: Sequence[str], replaced: AbstractSet[str] = frozenset()
    ) -> tuple[Directory, list[str]] | None:
        """Follow a path as far as there are directories, and give the rest; links are read as in a chroot."""
        here, missing, followed = self.root, list[str](), _Followed(names)
        todo, self.turned = followed.todo, False
        self._forget_outdated()
        while todo:
            name = todo.pop()
            child = None if missing else here.children.get(name)
            if name == "..":
                here = here if missing else self._above(here)
                self.turned = self.turned or bool(missing)
                del missing[-1:]
            elif isinstance(child, Directory):
                here = child if child.stop - child.start == len(name) else self._along(child, todo)
            elif name not in ("", "."):
                target = None if child is None else self.symlinks.get(child)
                if child is None or target is None:
                    missing.append(name)
                    if child is None and followed.is_past_links and _ONLY_NAMES(todo):
                        missing.extend(reversed(todo))  # nothing is there to be looked up
                        todo.clear()
                    continue
                led = self._led.get(child)
                if not followed.follow(child, target, replaced, led):
                    return None
                here = led.to if led else self.root if target.startswith("/") else here
            if followed.is_at_end and not missing and not self.turned:
                self._led.update(followed.ends(here))
        return here, missing

    def _forget_outdated(self) -> None:
        if self._led_at != self.changes:
            self._led.clear()
            self._led_at = self.changes

    def _along(self, row: Directory, names: list[str]) -> Directory:
        """Go as far through a row as these names do, which are taken from the end of the list."""
        at = row.match(names)
        return row if at == row.stop else self._split(row.parent, row, at)

    def _above(self, directory: Directory) -> Directory:
        at = directory.name.rfind("/", directory.start, directory.stop)
        return directory.parent or directory if at < 0 else self._split(directory.parent, directory, at)

    def _split(self, parent: Directory | None, row: Directory, at: int) -> Directory:
        self._count()
        self._keep(row)
        upper = row.split(at)
        if parent is not None:
            self._keep(parent)
            parent.children[upper.first_name] = upper
        return upper

    def _count(self) -> None:
        self.implied += 1
        if self.implied > MAX_IMPLIED:
            raise InvalidError(
                f"the paths of the image go through more than {MAX_IMPLIED:,} directories that no layer stores, "
                "which no honest image does"
            )

    def child(self, parent: Directory, name: str) -> Node | None:
        """Give what has this name in a directory."""
        node = parent.children.get(name)
        return self._along(node, []) if isinstance(node, Directory) else node

    def _before(self, parent: Directory, name: str) -> dict[str, Node]:
        """Give what the layers below had in a directory of this name that this layer took away."""
        node = parent.was.get(name) if parent.was else None
        if parent.was is None or not isinstance(node, Directory):
            return {}
        at = node.match([])
        if at < node.stop:
            self._count()
            self._keep(node)
            parent.was[name] = node = node.split(at)
            node.was, node.children = node.children, {}
        return node.was or {}

    def put_directory(self, entry: int, parent: Directory, name: str) -> Directory:
        """Let an entry be a directory of this name; what is in one that is there stays."""
        old = self.child(parent, name)
        stood = self._note(entry, parent, name, old)
        if isinstance(old, Directory):
            self._own(old, entry)
            return old
        new = Directory(parent, name, entry, _BELOW if stood else self._ledger.layer)
        before = self._before(parent, name) if parent.was else None
        if before:
            new.was = before
            self._told.append(new)
        if old is not None:
            self._drop(old, OVERWRITTEN)
        self._keep(parent)
        parent.children[name] = new
        return new

    def put_root(self, entry: int) -> None:
        """Let an entry be the root's own."""
        self._ledger.change[entry] = self.root.since < self._ledger.layer
        self._own(self.root, entry)

    def _own(self, directory: Directory, entry: int) -> None:
        if entry >= 0:
            self._keep(directory)
            if directory.owner >= 0:
                self._ledger.hide(directory.owner, OVERWRITTEN)
            directory.owner = entry

    def put_other(self, entry: int, parent: Directory, name: str) -> None:
        """Let an entry that is no directory have this name; what has it now goes."""
        old = self.child(parent, name)
        self._note(entry, parent, name, old)
        if isinstance(old, Directory):
            self.remove(parent, name, OVERWRITTEN, REPLACED)
        elif old is not None:
            self._drop(old, OVERWRITTEN)
        self._keep(parent)
        parent.children[name] = entry

    def _note(self, entry: int, parent: Directory, name: str, node: Node | None) -> bool:
        """Note whether an entry changes what the layers below have in its place; a directory without an entry too."""
        stood = self.stood(parent, name, node)
        if entry >= 0:
            self._ledger.change[entry] = stood
        return stood

    def stood(self, parent: Directory, name: str, node: Node | None) -> bool:
        """Say whether the layers below have something of this name, of which this node is left."""
        if node is None:
            return parent.was is not None and name in parent.was
        if isinstance(node, Directory):
            return node.since < self._ledger.layer
        return node < self._ledger.first or self._ledger.change[node] == MODIFIED

    def stood_at(self, names: Sequence[str]) -> bool:
        """Say the same of a path, also if this layer took away what is on the way to it."""
        found = self._walk(names[:-1])
        if found is None:
            return False
        here, missing = found
        if missing:
            return stood_in(here.was, [names[-1], *reversed(missing)])
        return self.stood(here, names[-1], self.child(here, names[-1]))

    def remove(self, parent: Directory, name: str, reason: int, below: int) -> None:
        """Take away what has this name, for one reason, and all that is below it, for another."""
        node = self.child(parent, name)
        if node is None:
            return
        self._keep(parent)
        del parent.children[name]
        if self.stood(parent, name, node):
            self._tell(parent)[name] = node
        if not isinstance(node, Directory):
            self._drop(node, reason)
            return
        self.changes += 1
        for directory in self._directories(node):
            self._empty(directory, below)
            if directory.owner >= 0:
                self._ledger.hide(directory.owner, reason if directory is node else below)

    def clear(self, directory: Directory, reason: int) -> None:
        """Take away all that is in a directory."""
        for name in list(directory.children):
            self.remove(directory, name, reason, reason)

    @staticmethod
    def _directories(top: Directory) -> Iterator[Directory]:
        """Give a directory and all below it; what is in one may be taken away when the next is asked for."""
        todo = [top]
        while todo:
            directory = todo.pop()
            todo.extend(child for child in directory.children.values() if isinstance(child, Directory))
            yield directory

    def _empty(self, directory: Directory, reason: int) -> None:
        """Hide what is in a directory that goes, and keep in mind what of it the layers below had."""
        self._keep(directory)
        was = directory.was or {}
        for name, child in directory.children.items():
            # What was taken away says what stood: a directory that came in its place shares what that had in it.
            if name not in was and self.stood(directory, name, child):
                was[name] = child
            if not isinstance(child, Directory):
                self._drop(child, reason)
        directory.was, directory.children = was, {}

    def _drop(self, entry: int, reason: int) -> None:
        self._ledger.hide(entry, reason)
        target = self.symlinks.pop(entry, None)
        if target is not None:
            self.changes += 1
            if self.trail is not None and entry < self.trail.first:
                self.trail.symlinks[entry] = target

    def _tell(self, directory: Directory) -> dict[str, Node]:
        if directory.was is None:
            directory.was = {}
            self._told.append(directory)
        return directory.was

    def _keep(self, directory: Directory) -> None:
        if self.trail is not None:
            self.trail.keep(directory)

    def take_off(self, trail: Trail) -> None:
        """Leave what stood here before the last layer; where links lead is looked up anew."""
        trail.restore_directories()
        forget_from(trail.first, self.symlinks)
        self.symlinks.update(trail.symlinks)
        self.implied = trail.implied
        self.changes += 1

    def finish_layer(self) -> None:
        """Forget what this layer took away."""
        for directory in self._told:
            directory.was = None
        self._told.clear()


@dataclass(frozen=True, slots=True)
class _Led:
    """Where a symbolic link leads, and how many links and characters of them it takes to get there."""

    to: Directory
    links: int
    characters: int


class _Followed:
    """The names that are still to be gone through, while symbolic links put others in front of them."""

    def __init__(self, names: Sequence[str]) -> None:
        self.todo = list(reversed(names))
        self._names = names
        self._own = len(names)
        self._links = 0
        self._characters = 0
        self._open: list[tuple[int, int, int, int]] = []  # a link, how many names are behind it, and what it began with

    @property
    def is_past_links(self) -> bool:
        """Whether all that is left was in the path from the beginning, which has no dots; a link may have some."""
        return len(self.todo) <= self._own

    @property
    def is_at_end(self) -> bool:
        """Whether a link was gone through."""
        return bool(self._open) and len(self.todo) <= self._open[-1][1]

    def follow(self, link: int, target: str, replaced: AbstractSet[str], led: _Led | None) -> bool:
        """Go on with what a link names, or where it is known to lead."""
        if len(self.todo) < self._own:
            self._own = len(self.todo)
            if replaced and "/".join(self._names[: len(self._names) - self._own]) in replaced:
                return False
        if led is None:
            self._open.append((link, len(self.todo), self._links, self._characters))
        self._links += led.links if led else 1
        self._characters += led.characters if led else len(target)
        if self._links > MAX_LINKS or self._characters > MAX_LINK_CHARACTERS:
            return False
        if led is None:
            self.todo.extend(reversed(target.split("/")))
        return True

    def ends(self, here: Directory) -> Iterator[tuple[int, _Led]]:
        """Say of each link that was gone through where it leads; a row may have gone further."""
        while self.is_at_end:
            link, behind, links, characters = self._open.pop()
            if len(self.todo) == behind:
                yield link, _Led(here, self._links - links, self._characters - characters)
