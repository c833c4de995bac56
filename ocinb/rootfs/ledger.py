"""The ledger: what became of each entry of all layers, while one layer after the other is applied."""

from __future__ import annotations

from itertools import repeat
from typing import Final

from ocinb.rootfs.trail import Trail, forget_from

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
