"""Laid: the file systems of the last images, for whoever asks one thing of an image after another.

What is kept is named by digests, so it never grows old; but where the content of a layer comes from, it does not say.
It lives as long as the session, whose store it is from, and takes a bounded amount of memory.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from ocinb._pool import alone
from ocinb._settings import MIB
from ocinb.archive.entries import Columns
from ocinb.frames.reading import LayerContents, Reader
from ocinb.progress.protocol import State
from ocinb.rootfs.filesystem import Overlay, overlay
from ocinb.rootfs.path_resolution import Tree
from ocinb.sources.images import Image
from ocinb.sources.session import Session
from ocinb.spec.digest import Digest
from ocinb.storage.layer_tables import Tables

# All that is kept of one session. A Debian image of 12,800 entries takes about 9 MiB.
MOST_BYTES: Final = 128 * MIB
# What an entry takes beside its names, as a row of all lists and in what was made of them.
ROW_BYTES: Final = 600


@dataclass(frozen=True, slots=True)
class Laid:
    """Some layers of an image, laid over each other.

    Attributes
    ----------
    layers
        The layers.
    entries
        What stands in each.
    overlay
        What became of each entry.
    tree
        What they come to, to look up paths in.
    """

    layers: Sequence[LayerContents]
    entries: Sequence[Columns]
    overlay: Overlay
    tree: Tree

    @classmethod
    def over(cls, layers: Sequence[LayerContents]) -> Laid:
        """Lay layers over each other."""
        entries = [layer.entries for layer in layers]
        result = overlay(entries)
        return cls(layers, entries, result, Tree(entries, result))

    @property
    def whole(self) -> bool:
        """Whether none of the layers was read by its table of contents."""
        return all(layer.toc is None for layer in self.layers)

    @property
    def cost(self) -> int:
        """About how many bytes of memory it takes."""
        return sum(_cost(entries) for entries in self.entries)


class Recent:
    """What was used last, up to an amount of memory.

    Parameters
    ----------
    most
        So many bytes may be kept; what takes more alone is not.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Laid, int]] = OrderedDict()

    def find(self, key: Hashable) -> Laid | None:
        """Give what was kept under a key, which is the last to go now."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def keep(self, key: Hashable, laid: Laid) -> None:
        """Keep something, and forget what was used longest ago if that is too much."""
        cost = laid.cost
        with self._lock:
            self._kept.pop(key, None)
            if cost <= self._most:
                self._kept[key] = laid, cost
            while sum(cost for _, cost in self._kept.values()) > self._most:
                self._kept.popitem(last=False)


def lay_layers(reader: Reader, image: Image, numbers: range, session: Session, *, with_blobs: bool = True) -> Laid:
    """Give some layers of an image, by their numbers; those that were given a moment ago are not read again.

    Parameters
    ----------
    reader
        Reads them.
    image, numbers
        Which they are.
    session
        Whose store they are kept in.
    with_blobs
        As the reader has it.

    Raises
    ------
    IntegrityError
        If a layer is damaged or no tar, or is another one than the config of the image says.
    InvalidError
        If a layer passes a limit.
    """
    recent = _recent_of(session)
    with alone((recent, image.document.digest)):  # those that wait find it
        laid = recent.find(_key(image, numbers, session, with_blobs=with_blobs))
        if laid is not None and (reader.by_tocs or laid.whole):
            for layer in laid.layers:
                reader.progress.state(layer.descriptor.digest, State.PRESENT)
            return laid
        laid = Laid.over(reader.layers(image, numbers))
        # What was fetched for it is here now.
        recent.keep(_key(image, numbers, session, with_blobs=with_blobs), laid)
        return laid


def _key(image: Image, numbers: range, session: Session, *, with_blobs: bool) -> Hashable:
    """Say what a result hangs on: which layers, how each is read, and how much all of them may have."""
    blobs, tables = session.store.blobs, Tables(session.store.root)

    def way(layer: Digest) -> Hashable:
        """Give the size of what is here, so that it is looked at anew if it changes; else whether it is asked for."""
        size = blobs.size(layer)
        return with_blobs or not tables.path(layer).exists() if size is None else (size,)

    ways = tuple(way(layer.digest) for layer in image.manifest.layers[numbers.start : numbers.stop])
    return image.document.digest, numbers, ways, session.settings.max_tar_entries


def _cost(entries: Columns) -> int:
    names = sum(map(len, entries.path)) + sum(len(target) for target in entries.link_target if target)
    return ROW_BYTES * len(entries) + names


_of_sessions: WeakKeyDictionary[Session, Recent] = WeakKeyDictionary()
_lock = threading.Lock()


def _recent_of(session: Session) -> Recent:
    with _lock:
        return _of_sessions.setdefault(session, Recent(MOST_BYTES))


def _begin_anew() -> None:
    """Forget all in a process that was forked: who had a lock is not here to give it back."""
    global _lock  # noqa: PLW0603 - nobody else can have it at this moment
    _lock = threading.Lock()
    _of_sessions.clear()


os.register_at_fork(after_in_child=_begin_anew)
