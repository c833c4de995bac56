"""Stacks: what becomes of the entries of many images that share layers, where each shared layer is applied once.

What most images begin with is the same. So the file system of the last ones is kept; the layers of one image that the
next one has not are taken off again, and those that it has are put on what is left.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from ocinb.archive.entries import Columns
from ocinb.rootfs.overlay import Applying
from ocinb.rootfs.overlay_state import ADDED, CHANGES, REASONS, Trail
from ocinb.rootfs.whiteouts import stored_files

# All that is kept, in entries of which each takes about half a kilobyte.
MOST_ENTRIES: Final = 400_000


@dataclass(frozen=True)
class Exceptions:
    """The entries of an image that are not simply added and visible, column by column, by layer and place in it.

    Attributes
    ----------
    layer
        Which layer stores it, from 0 at the base.
    position
        Its place in the tar.
    change, visible
        As `Overlay` has them.
    hidden
        Whether it is a regular file of whose content no name is left: a row of `ocinb.hidden`.
    hidden_in, reason
        As `Overlay` has them: None also for what never had a place.
    """

    layer: list[int]
    position: list[int]
    change: list[str]
    visible: list[bool]
    hidden: list[bool]
    hidden_in: list[int | None]
    reason: list[str | None]


class Stacks:
    """The file systems of the last images, each with a way back to every one of its layers; for one thread at a time.

    Whoever lays images in the order of their layers' digests has each beginning that they share applied once.

    Examples
    --------
    >>> stacks = Stacks()
    >>> stacks.lay(["base", "app"], [Columns(), Columns()].__getitem__).layer
    []
    >>> stacks.known(["base", "other"])
    1
    """

    def __init__(self, most: int = MOST_ENTRIES) -> None:
        self._most = most
        self._stacks: list[_Stack] = []  # the one that was used last stands last

    def known(self, layers: Sequence[Hashable]) -> int:
        """Say how many layers of an image, from its base up, need not be read to lay it now."""
        return max((stack.common(layers) for stack in self._stacks), default=0)

    def lay(self, layers: Sequence[Hashable], read: Callable[[int], Columns]) -> Exceptions:
        """Lay the layers of an image over each other, as `ocinb.rootfs.filesystem.overlay` does."""
        stack = max(self._stacks, key=lambda stack: stack.common(layers), default=None)
        if stack is None or not stack.common(layers):
            stack = _Stack()
        else:
            self._stacks.remove(stack)  # what fails half-way is not used again
        stack.cut(stack.common(layers))
        for number in range(len(stack.layers), len(layers)):
            stack.put(layers[number], read(number))
        self._keep(stack)
        return stack.exceptions()

    def _keep(self, stack: _Stack) -> None:
        self._stacks.append(stack)
        while sum(len(kept) for kept in self._stacks) > self._most:
            del self._stacks[0]


class _Stack:
    """Layers, and what they have come to."""

    def __init__(self) -> None:
        self.layers: list[Hashable] = []
        self._applying = Applying()
        self._trails: list[Trail] = []
        self._stored = bytearray()  # of each entry, whether it is a regular file
        self._position = array("q")

    def __len__(self) -> int:
        return len(self._stored)

    def common(self, layers: Sequence[Hashable]) -> int:
        """Say how many layers are those that another image begins with too."""
        pairs = zip(self.layers, layers, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def put(self, layer: Hashable, columns: Columns) -> None:
        """Apply one more layer."""
        self._trails.append(self._applying.apply_undoably(columns))
        self.layers.append(layer)
        stored = bytearray(len(columns))
        for place in stored_files(columns):
            stored[place] = 1
        self._stored += stored
        self._position.extend(columns.position)

    def cut(self, count: int) -> None:
        """Take off what is above so many layers."""
        while len(self.layers) > count:
            trail = self._trails.pop()
            self._applying.take_off(trail)
            del self.layers[-1], self._stored[trail.first :], self._position[trail.first :]

    def exceptions(self) -> Exceptions:
        """Give what is not simply added and visible."""
        import numpy as np

        ledger = self._applying.ledger
        change, visible = (np.frombuffer(bytes(one), np.uint8) for one in (ledger.change, ledger.visible))
        shown = visible.copy()
        shown[[content for content, names in ledger.names.items() if names > 0]] = 1
        hidden = (shown == 0) & (np.frombuffer(bytes(self._stored), np.uint8) == 1)
        entries = np.flatnonzero((visible == 0) | (change != ADDED))
        places = entries.tolist()
        return Exceptions(
            layer=(np.searchsorted(self._applying.starts, entries, side="right") - 1).tolist(),
            position=[self._position[place] for place in places],
            change=[CHANGES[ledger.change[place]] for place in places],
            visible=(visible[entries] == 1).tolist(),
            hidden=hidden[entries].tolist(),
            hidden_in=[ledger.hidden_in[place] for place in places],
            reason=[REASONS[ledger.reason[place]] for place in places],
        )
