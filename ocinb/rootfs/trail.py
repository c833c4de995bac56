"""Trail: what one layer changes of those below it, as it was before, so that the layer can be taken off again."""

from __future__ import annotations

from typing import Any

from ocinb.rootfs.directories import Directory, Node

# Visible, reason, hidden_in, and how many names there are if that is counted.
Fate = tuple[int, int, int | None, int | None]


class Trail:
    """What was there before a layer, as far as it changed.

    Parameters
    ----------
    first
        The number of the layer's first entry.
    implied, moved_characters
        What was counted against limits before it.

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
