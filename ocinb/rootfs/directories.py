"""A directory, or a long row of them with nothing else in them, which is kept as one.

A hundred thousand of them need no more memory than their names so, and what a row is cut into needs no new names.
"""

from __future__ import annotations

from typing import Final

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
    """Say whether a path of some names, the last one first, leads to something that was taken away.

    Parameters
    ----------
    was
        What was taken away in the directory where the path begins; what was in a directory that went is in its own.
    names
        At least one; they are taken from the list.
    """
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
