"""Reading: what stands in the layers of an image; what is fetched for that stays in the store, and so do its tables."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ocinb._pool import run_all
from ocinb.archive.entries import Columns
from ocinb.errors import IntegrityError, InvalidError
from ocinb.frames.collecting import Row
from ocinb.frames.opening import Opened
from ocinb.frames.rows import image_fields, layer_identities
from ocinb.layer_index import Layer, check_diff_id, index_layers
from ocinb.progress.protocol import Progress, State
from ocinb.rootfs.toc import Toc, find_toc
from ocinb.rootfs.toc_discovery import promise_in
from ocinb.rootfs.whiteouts import as_layer
from ocinb.sources.images import Image
from ocinb.sources.registry import ask_length
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.layer_identity import layer_steps
from ocinb.storage.layer_tables import Table, Tables


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


class Reader:
    """Reads the layers of one image after another.

    Parameters
    ----------
    opened
        Where the image is.
    progress
        Who is told.
    whole
        Whether all layers are read as a whole; else those that are not here are read by their table of contents, if
        they have one.
    with_blobs
        Whether what is known of a layer is of no use without its blob.
    held
        Layers that were read for another image a moment ago.
    workers
        How many layers are read at a time; None for as many as are worth it, if nobody else reads.

    Attributes
    ----------
    progress
        Who is told.
    by_tocs
        Whether a layer that is not here may be read by its table of contents.
    """

    def __init__(
        self,
        opened: Opened,
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
        """Read some layers of an image, by their numbers.

        Raises
        ------
        IntegrityError
            If a layer is damaged or no tar, or is another one than the config of the image says.
        InvalidError
            If a layer passes a limit, or all together have too many entries.
        """
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

    def _tally(self) -> _Tally:
        return _Tally(self._session.settings.max_tar_entries)

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


class _Tally:
    """Counts the entries of layers that are read side by side: each may have few enough, and all of them too many.

    Parameters
    ----------
    most
        How many all together may have.
    """

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
        """Count further entries.

        Raises
        ------
        InvalidError
            If these are too many.
        """
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
