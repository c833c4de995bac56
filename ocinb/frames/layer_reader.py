"""Read the layers of an image and overlay them. The blobs and tables that this takes stay in the store."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from ocinb._pool import alone, run_all
from ocinb._settings import MIB
from ocinb.archive.entries import Columns
from ocinb.errors import IntegrityError, InvalidError
from ocinb.frames.batch import Row
from ocinb.frames.document_rows import image_fields, layer_identities
from ocinb.frames.resolve import (
    ResolvedReference,
)
from ocinb.layer_index import Layer, check_diff_id, index_layers
from ocinb.progress.protocol import Progress, State
from ocinb.rootfs.filesystem import Overlay, overlay
from ocinb.rootfs.path_resolution import Tree
from ocinb.rootfs.toc import Toc, find_toc
from ocinb.rootfs.toc_discovery import promise_in
from ocinb.rootfs.whiteouts import as_layer
from ocinb.sources.images import Image
from ocinb.sources.registry import ask_length
from ocinb.sources.session import Session
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.image_config import layer_steps
from ocinb.storage.layer_tables import Table, Tables

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class LayerContents:
    """What stands in a layer.

    Attributes
    ----------
    descriptor
        Its blob.
    entries
        What stands in its tar.
    table
        What else is known of the tar; None if it was read by its table of contents alone.
    toc
        That table of contents, which can fetch single files; None if the whole layer was read.
    """

    descriptor: Descriptor
    entries: Columns
    table: Table | None = None
    toc: Toc | None = None

    @property
    def tar_bytes(self) -> int | None:
        """The size of the tar, if it was read."""
        return self.table.tar_bytes if self.table else None


@dataclass(frozen=True, slots=True)
class Contents:
    """An image, and what stands in its layers, from the base up."""

    name: str
    image: Image
    layers: Sequence[LayerContents]

    @property
    def fields(self) -> Row:
        """The columns with which the rows of all frames begin."""
        return image_fields(self.name, self.image)

    @property
    def entries(self) -> list[Columns]:
        """The entries of each layer."""
        return [layer.entries for layer in self.layers]

    @property
    def instructions(self) -> list[str | None]:
        """What made each layer; None where nothing says it."""
        steps = layer_steps(self.image.config.history if self.image.config else (), len(self.layers))
        return [step.instruction if step else None for step in steps]


class LayerReader:
    """Reads the layers of one image after another.

    Attributes
    ----------
    progress
        Who is told.
    by_tocs
        Whether a layer that is not here may be read by its table of contents.
    """

    def __init__(
        self,
        opened: ResolvedReference,
        progress: Progress,
        *,
        whole: bool,
        with_blobs: bool = False,
        held: Sequence[LayerContents] = (),
        workers: int | None = None,
    ) -> None:
        self._name, self._source, self._tag = opened.name, opened.source, opened.reference.tag
        self._session = opened.session
        self._layout = opened.session.store
        self.progress = progress
        self.by_tocs = not whole and opened.reference.path is None
        self._with_blobs = with_blobs
        self._workers = workers
        self._held = {layer.descriptor.digest: layer for layer in held if not whole or layer.table is not None}

    def layers(self, image: Image, numbers: Sequence[int]) -> list[LayerContents]:
        """Read some layers of an image, by their numbers."""
        stacked, (diff_ids, _) = image.manifest.layers, layer_identities(image)
        wanted = [Layer(self._sized(stacked[number]), self._source, self._name, diff_ids[number]) for number in numbers]
        read = self._read({layer.descriptor.digest: layer for layer in wanted})
        found = [read[layer.descriptor.digest] for layer in wanted]
        for layer, contents in zip(wanted, found, strict=True):
            self._check(layer, contents)
        self._tally().add(sum(len(contents.entries) for contents in found))  # a layer counts wherever it stands
        return found

    def _sized(self, descriptor: Descriptor) -> Descriptor:
        """Find the size of a layer where no document says it, as in schema 1."""
        if descriptor.known_size is not None:
            return descriptor
        size = self._layout.blobs.size(descriptor.digest)
        return replace(descriptor, size=ask_length(self._source, descriptor.digest) if size is None else size)

    def _read(self, wanted: dict[Digest, Layer]) -> dict[Digest, LayerContents]:
        held = {digest: self._held_of(layer) for digest, layer in wanted.items()}
        found = {digest: contents for digest, contents in held.items() if contents is not None}
        if self.by_tocs:
            found |= self._listed([layer for digest, layer in wanted.items() if digest not in found])
        for digest in found:
            self.progress.state(digest, State.PRESENT)
        rest = {digest: layer for digest, layer in wanted.items() if digest not in found}
        settings, tally = self._session.settings, self._tally()
        tally.add(sum(len(contents.entries) for contents in found.values()))
        tables = index_layers(
            list(rest.values()),
            self._layout,
            settings,
            self.progress,
            errors="raise",
            as_layer=tally.as_layer,
            workers=self._workers,
        )
        for digest, table in tables.items():
            if not isinstance(table, Table):
                raise table
            found[digest] = LayerContents(rest[digest].descriptor, table.entries, table)
        return found

    def _tally(self) -> EntryBudget:
        return EntryBudget(self._session.settings.max_tar_entries)

    def _held_of(self, layer: Layer) -> LayerContents | None:
        """Give what was read of a layer for the image before; None if that does not speak for this image too."""
        held = self._held.get(layer.descriptor.digest)
        if held is None or not _speaks_for(held, layer):
            return None
        toc = held.toc.bound(self._source, self._session.settings) if held.toc else None
        return replace(held, descriptor=layer.descriptor, toc=toc)

    def _check(self, layer: Layer, contents: LayerContents) -> None:
        """Refuse a layer that is of another size than the manifest says, or holds another tar than the config says."""
        digest, size, table = layer.descriptor.digest, layer.descriptor.size, contents.table
        stored = self._layout.blobs.size(digest)
        if stored not in {None, size}:
            raise IntegrityError(f"the layer {digest} has to be {size:,} bytes long, but has {stored:,}")
        if table is not None:  # also if it was held
            check_diff_id(layer, table)

    def _listed(self, layers: Sequence[Layer]) -> dict[Digest, LayerContents]:
        """Read those that are not here by their tables of contents."""
        settings, tables = self._session.settings, Tables(self._layout.root)
        absent = [
            layer.descriptor
            for layer in layers
            if self._layout.blobs.size(layer.descriptor.digest) is None
            and (self._with_blobs or not tables.path(layer.descriptor.digest).exists())
        ]

        tally = self._tally()

        def find(layer: Descriptor) -> Toc | None:
            toc = find_toc(self._source, layer, settings, tag=self._tag, store=self._layout)
            tally.add(len(toc.columns) if toc else 0)
            return toc

        tocs = run_all(find, absent, workers=settings.concurrency)
        return {
            one.digest: LayerContents(one, toc.columns, toc=toc)
            for one, toc in zip(absent, tocs, strict=True)
            if toc is not None
        }


class EntryBudget:
    """Counts the entries of layers that are read side by side: each may have few enough, and all of them too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._lock = threading.Lock()

    def as_layer(self, columns: Columns) -> Columns:
        """Read entries of a tar as those of a layer, and count them."""
        layer = as_layer(columns)
        self.add(len(layer))
        return layer

    def add(self, count: int) -> None:
        """Count further entries."""
        with self._lock:
            self._count += count
            if self._count > self._most:
                most = f"max_tar_entries = {self._most:,}"
                hint = "Set more in ocinb.settings if there is memory for them"
                raise InvalidError(f"the layers of the image have more entries together than {most}", hint=hint)


def _speaks_for(held: LayerContents, layer: Layer) -> bool:
    """Say whether a layer that was read for one image may be shown for another.

    By its table of contents alone only if that one's manifest promises the same of it: nobody believes another's. As a
    whole if its diff_id can be compared with what that one's config says.
    """
    if held.table is None:
        sizes = held.descriptor.known_size, layer.descriptor.known_size
        return sizes[0] == sizes[1] and promise_in(held.descriptor) == promise_in(layer.descriptor)
    return layer.diff_id is None or held.table.diff_id.partition(":")[0] == layer.diff_id.partition(":")[0]


# The file systems that a session keeps: for a call that returns a frame, and for reading a file, after which more files
# of the same image are read. A Debian image of 12,800 entries takes about 9 MiB.
_KEPT_BYTES: Final = 16 * MIB
_KEPT_FOR_READING_BYTES: Final = 128 * MIB
# The memory of an entry, apart from its names: its values in all columns, the overlay and the tree.
ROW_BYTES: Final = 600


@dataclass(frozen=True, slots=True)
class LoadedFilesystem:
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
    def over(cls, layers: Sequence[LayerContents]) -> LoadedFilesystem:
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


class FilesystemCache:
    """The file systems that were used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[LoadedFilesystem, int]] = OrderedDict()

    def find(self, key: Hashable) -> LoadedFilesystem | None:
        """Return what is kept under a key."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def keep(self, key: Hashable, filesystem: LoadedFilesystem, most_bytes: int) -> None:
        """Keep a file system, and forget those that were used longest ago until all fit into `most_bytes`."""
        with self._lock:
            self._kept[key] = filesystem, filesystem.cost
            self._kept.move_to_end(key)
            while sum(cost for _, cost in self._kept.values()) > most_bytes:
                self._kept.popitem(last=False)


def load_filesystem(
    reader: LayerReader, image: Image, numbers: range, session: Session, *, with_blobs: bool = True
) -> LoadedFilesystem:
    """Give some layers of an image, by their numbers; those that were given a moment ago are not read again."""
    recent = _recent_of(session)
    with alone((recent, image.document.digest)):  # those that wait find it
        laid = recent.find(_key(image, numbers, session, with_blobs=with_blobs))
        if laid is not None and (reader.by_tocs or laid.whole):
            for layer in laid.layers:
                reader.progress.state(layer.descriptor.digest, State.PRESENT)
            return laid
        laid = LoadedFilesystem.over(reader.layers(image, numbers))
        # What was fetched for it is here now.
        most = _KEPT_FOR_READING_BYTES if with_blobs else _KEPT_BYTES
        recent.keep(_key(image, numbers, session, with_blobs=with_blobs), laid, most)
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


_of_sessions: WeakKeyDictionary[Session, FilesystemCache] = WeakKeyDictionary()
_lock = threading.Lock()


def _recent_of(session: Session) -> FilesystemCache:
    with _lock:
        return _of_sessions.setdefault(session, FilesystemCache())


def _begin_anew() -> None:
    """Forget all in a process that was forked: who had a lock is not here to give it back."""
    global _lock  # noqa: PLW0603 - nobody else can have it at this moment
    _lock = threading.Lock()
    _of_sessions.clear()


os.register_at_fork(after_in_child=_begin_anew)
