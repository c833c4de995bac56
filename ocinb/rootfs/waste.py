"""Waste: how much of what the layers of an image store is never seen, and how much is there more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ocinb.archive.entries import FILE, Columns
from ocinb.rootfs.filesystem import Entry, Overlay
from ocinb.rootfs.whiteouts import stored_files


@dataclass(frozen=True, slots=True)
class Figures:
    """What an image comes to, in bytes of the content of regular files.

    Attributes
    ----------
    stored_bytes
        In all layers.
    visible_bytes
        In the final file system, where a content counts once however many names it has.
    duplicate_bytes
        What would be saved in the final file system if equal contents were one.
    layer_files
        How many regular files each layer stores.
    layer_hidden_bytes
        How much of what each layer stores is never seen.
    """

    stored_bytes: int
    visible_bytes: int
    duplicate_bytes: int
    layer_files: list[int]
    layer_hidden_bytes: list[int]

    @property
    def hidden_bytes(self) -> int:
        """What is stored and never seen."""
        return self.stored_bytes - self.visible_bytes

    @property
    def efficiency(self) -> float:
        """The part of the stored bytes that is seen; all, if nothing is stored."""
        return self.visible_bytes / self.stored_bytes if self.stored_bytes else 1.0


def figures(layers: Sequence[Columns], overlay: Overlay) -> Figures:
    """Add up what the layers of an image store.

    Examples
    --------
    >>> from ocinb.rootfs.filesystem import overlay
    >>> figures([Columns()], overlay([Columns()])).efficiency
    1.0
    """
    stored = [list(stored_files(columns)) for columns in layers]
    hidden = [0] * len(layers)
    for layer, place in hidden_files(layers, overlay):
        hidden[layer] += layers[layer].size_bytes[place]
    sums = [sum(columns.size_bytes[place] for place in places) for columns, places in zip(layers, stored, strict=True)]
    return Figures(
        stored_bytes=sum(sums),
        visible_bytes=sum(sums) - sum(hidden),
        duplicate_bytes=_duplicate_bytes(layers, overlay),
        layer_files=list(map(len, stored)),
        layer_hidden_bytes=hidden,
    )


def hidden_files(layers: Sequence[Columns], overlay: Overlay) -> Iterator[Entry]:
    """Give the regular files that are stored and that no path of the final file system shows, by layer and place."""
    shown = set(overlay.contents)
    for layer, columns in enumerate(layers):
        for place in stored_files(columns):
            if (layer, place) not in shown:
                yield layer, place


def _duplicate_bytes(layers: Sequence[Columns], overlay: Overlay) -> int:
    files = ((layers[layer], place) for layer, place in set(overlay.contents))
    copies = Counter(
        (columns.sha256[place], columns.size_bytes[place]) for columns, place in files if columns.type[place] == FILE
    )
    return sum((count - 1) * size for (digest, size), count in copies.items() if digest is not None)
