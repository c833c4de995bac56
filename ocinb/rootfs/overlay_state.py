"""The ledger: what became of each entry of all layers, while one layer after the other is applied."""

from __future__ import annotations

from itertools import repeat
from typing import Any, Final

# So many in a row are kept as one.
LONG: Final = 16


class Directory:
    """One directory, or a row of them of which only the last is of interest.

    Attributes
    ----------
    parent
        The one that has it; None for the root.
    name, start, stop
        Its name, or the path through a row, is a part of a text: all that a long row was cut into shares one.
    owner
        The entry that stores it; -1 if no layer does.
    since
        The layer from which on the path is there; -1 if it was there below the layer that made this directory.
    children
        What is in it now, by the first name of each: directories, and of all others the entry.
    was
        What the layers below had in it and this layer took away; None if that is nothing.
    """

    __slots__ = ("children", "name", "owner", "parent", "since", "start", "stop", "was")

    def __init__(self, parent: Directory | None, name: str, owner: int, since: int) -> None:
        self.parent = parent
        self.name = name
        self.start = 0
        self.stop = len(name)
        self.owner = owner
        self.since = since
        self.children: dict[str, Node] = {}
        self.was: dict[str, Node] | None = None

    @property
    def first_name(self) -> str:
        """Its name; of a row, that of the topmost directory."""
        return self.name[self.start : self._end(self.start)]

    @property
    def path(self) -> str:
        """Where it is."""
        return self.path_of("")[:-1]

    def path_of(self, name: str) -> str:
        """Give the path of what has this name in it."""
        names = [name]
        here = self
        while here.parent is not None:
            names.append(here.name[here.start : here.stop])
            here = here.parent
        return "/".join(reversed(names))

    def match(self, names: list[str]) -> int:
        """Take from the end of a list the names that a row goes on with, and give where in its text that ends."""
        at = self._end(self.start)
        while len(names) > LONG and self.stop - at > 2 * LONG:  # many at a time, as most go all the way
            some = "/".join(reversed(names[-LONG:]))
            end = at + 1 + len(some)
            if not self.name.startswith(some, at + 1, self.stop) or self._end(end) != end:
                break
            del names[-LONG:]
            at = end
        while at < self.stop and names and names[-1] == self.name[at + 1 : self._end(at + 1)]:
            at += 1 + len(names.pop())
        return at

    def _end(self, start: int) -> int:
        found = self.name.find("/", start, self.stop)
        return self.stop if found < 0 else found

    def split(self, at: int) -> Directory:
        """Cut a row in two; give the end of the upper part, in which this is the lower."""
        upper = Directory(self.parent, self.name, -1, self.since)
        upper.start, upper.stop = self.start, at
        self.parent, self.start = upper, at + 1
        upper.children[self.first_name] = self
        return upper


Node = Directory | int


def stood_in(was: dict[str, Node] | None, names: list[str]) -> bool:
    """Say whether a path of some names, the last one first, leads to something that was taken away."""
    while was:
        node = was.get(names.pop())
        if node is None or not names:
            return node is not None
        if not isinstance(node, Directory):
            return False
        at = node.match(names)
        if not names:
            return True
        was = node.was if at == node.stop else None
    return False


# Visible, reason, hidden_in, and how many names there are if that is counted.
Fate = tuple[int, int, int | None, int | None]


class Trail:
    """What was there before a layer, as far as it changed.

    Attributes
    ----------
    entries
        What had become of entries of lower layers.
    symlinks
        What the symbolic links named that went.
    """

    def __init__(self, first: int, implied: int, moved_characters: int) -> None:
        self.first = first
        self.implied = implied
        self.moved_characters = moved_characters
        self.entries: dict[int, Fate] = {}
        self.symlinks: dict[int, str] = {}
        self._directories: dict[Directory, tuple[Directory | None, int, int, dict[str, Node]]] = {}

    def keep(self, directory: Directory) -> None:
        """Keep in mind what a directory is like, before it is changed for the first time."""
        if directory not in self._directories:
            state = directory.parent, directory.start, directory.owner, directory.children.copy()
            self._directories[directory] = state

    def restore_directories(self) -> None:
        """Make all directories what they were; no layer leaves in them what it took away."""
        for directory, state in self._directories.items():
            directory.parent, directory.start, directory.owner, directory.children = state
            directory.was = None


def forget_from(first: int, known: dict[int, Any]) -> None:
    """Forget all from an entry on, where later entries stand behind earlier ones."""
    while known and next(reversed(known)) >= first:
        known.popitem()


ADDED: Final = 0
MODIFIED: Final = 1
DELETED: Final = 2
CHANGES: Final = ("added", "modified", "deleted")

OVERWRITTEN: Final = 1
REPLACED: Final = 2
REMOVED: Final = 3
MADE_OPAQUE: Final = 4
REASONS: Final = (None, "overwritten", "replaced", "deleted", "opaque")


class Ledger:
    """Keep what is known of each entry; an entry is a number, counted through all layers.

    Attributes
    ----------
    layer
        The layer that is being applied.
    first
        The number of its first entry: what is lower, a lower layer stores.
    visible, change, reason
        For each entry, a byte.
    hidden_in
        The layer that hid it, or that hid the last name of its content.
    contents
        The entry that stores the content, for each hard link.
    names
        How many names there are left, for each content that a hard link ever named.
    trail
        Where it is noted what this layer changes of those below it; None if it is not.
    """

    def __init__(self, entries: int) -> None:
        self.layer = 0
        self.first = 0
        self.visible = bytearray(entries)
        self.change = bytearray(entries)
        self.reason = bytearray(entries)
        self.hidden_in: list[int | None] = [None] * entries
        self.contents: dict[int, int] = {}
        self.names: dict[int, int] = {}
        self.trail: Trail | None = None

    def begin_layer(self, layer: int, first: int, entries: int) -> None:
        """Make room for the entries of one more layer."""
        self.layer, self.first = layer, first
        for column in (self.visible, self.change, self.reason):
            column.extend(bytes(entries))
        self.hidden_in.extend(repeat(None, entries))

    def take_off(self, trail: Trail) -> None:
        """Forget the entries of the last layer, and what it did to others."""
        for entry, (visible, reason, hidden_in, names) in trail.entries.items():
            self.visible[entry], self.reason[entry], self.hidden_in[entry] = visible, reason, hidden_in
            if names is None:
                self.names.pop(entry, None)
            else:
                self.names[entry] = names
        for column in (self.visible, self.change, self.reason, self.hidden_in):
            del column[trail.first :]
        for known in (self.contents, self.names):
            forget_from(trail.first, known)

    def show(self, entry: int) -> None:
        """Note that an entry stands in the file system now."""
        self.visible[entry] = 1

    def show_link(self, entry: int, content: int) -> None:
        """Note that a hard link stands in the file system now; its content is visible, even if it just was hidden."""
        self._keep(content)
        self.names[content] = self.names.get(content, self.visible[content]) + 1
        self._note(content, None, 0)
        self.contents[entry] = content
        self.visible[entry] = 1

    def hide(self, entry: int, reason: int) -> None:
        """Note that an entry is gone; its content is too if that was its last name."""
        content = self.contents.get(entry, entry)
        self._keep(entry)
        self._keep(content)
        self.visible[entry] = 0
        left = self.names.get(content, 1) - 1
        if content in self.names:
            self.names[content] = left
        if not left:
            self._note(content, self.layer, reason)
        if content != entry:
            self._note(entry, self.layer, reason)

    def _note(self, entry: int, layer: int | None, reason: int) -> None:
        self.hidden_in[entry] = layer
        self.reason[entry] = reason

    def _keep(self, entry: int) -> None:
        """Keep in mind what became of an entry of a lower layer so far."""
        if self.trail is not None and entry < self.first and entry not in self.trail.entries:
            fate = self.visible[entry], self.reason[entry], self.hidden_in[entry], self.names.get(entry)
            self.trail.entries[entry] = fate
