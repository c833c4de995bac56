"""Reading: what stands in the layers of an image; what is fetched for that stays in the store, and so do its tables."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from ocinb._lazy import loading
from ocinb._pool import alone, run_all
from ocinb._schemas import Schema
from ocinb._settings import MIB
from ocinb._text import counted, human_duration
from ocinb.archive.entries import Columns
from ocinb.errors import IntegrityError, InvalidError, OcinbError
from ocinb.frames.batch import Errors, Failure, Names, Row, complete, list_names, run_batch, with_failures
from ocinb.frames.document_rows import image_fields, image_kind, layer_identities
from ocinb.frames.resolve import (
    Platforms,
    ResolvedReference,
    blob_tasks,
    counted_names,
    resolve_reference,
    wanted_platforms,
)
from ocinb.layer_index import Layer, check_diff_id, index_layers
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress, State, Task
from ocinb.progress.renderer import DELAY
from ocinb.rootfs.filesystem import Overlay, overlay
from ocinb.rootfs.path_resolution import Tree
from ocinb.rootfs.toc import Toc, find_toc
from ocinb.rootfs.toc_discovery import promise_in
from ocinb.rootfs.whiteouts import as_layer
from ocinb.sources.images import Image
from ocinb.sources.registry import ask_length
from ocinb.sources.session import Session, default_session
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.layer_identity import layer_steps
from ocinb.storage.layer_tables import Table, Tables
from ocinb.storage.layout import Layout
from ocinb.storage.partial_downloads import NOTHING_ARRIVED, list_arrived

if TYPE_CHECKING:
    import pandas as pd


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


Make = Callable[[Contents, Overlay], "pd.DataFrame"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A name, and the images of it that are wanted."""

    opened: ResolvedReference
    images: Sequence[Image]


def collect_contents(
    names: Names,
    platform: Platforms,
    make: Make,
    schema: Schema,
    *,
    errors: Errors,
    progress: Progress | bool | None,
    whole: bool = False,
    unread: Callable[[Contents], pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Read the layers of each image, and make one frame of what is made of each.

    Parameters
    ----------
    names
        One name, or any iterable of them; a name that stands twice is asked for once.
    platform
        Which images of an index are read.
    make
        Makes the frame of one image, of what stands in its layers and what became of that.
    schema
        Its columns.
    errors
        ``"raise"`` ends at the first error; ``"skip"`` leaves out the names that fail.
    progress
        Who is told, see `choose_progress`.
    whole
        Whether all layers are fetched, also those with a table of contents.
    unread
        Makes the frame of what is no image, whose blobs are no layers; without it, that is an error.
    """
    session, listed, wanted = default_session(), list_names(names), wanted_platforms(platform)
    board = choose_progress(progress)

    def ask(name: str) -> Asked:
        opened = resolve_reference(name, session)
        images = opened.images(wanted)
        for image in images:
            if unread is None:
                check_image(image)
        return Asked(opened, images)

    asked = run_batch(listed, ask, errors=errors, session=session, progress=progress)
    work = _Work(session, board, make, whole=whole, unread=unread)
    results = work.run(asked, errors=errors)
    frames = [frame for result in results if not isinstance(result, Failure) for frame in result]
    return with_failures(schema.joined(frames), [result for result in results if isinstance(result, Failure)])


def check_image(image: Image) -> None:
    """Refuse what has no file system.

    Raises
    ------
    InvalidError
        If it is an artifact, a signature, an attestation or nothing that is known.
    """
    kind = image_kind(image)
    if kind != "image":
        what = f"of type {image.manifest.media_type}" if kind == "unknown" else f"an {kind}".replace("an s", "a s")
        hint = None if kind == "unknown" else "ocinb.layers lists its blobs"
        raise InvalidError(f"{image.document.digest} is {what}, and has no files: it is no image", hint=hint)


class _Work:
    """The layers that one call reads."""

    def __init__(
        self,
        session: Session,
        board: Progress,
        make: Make,
        *,
        whole: bool,
        unread: Callable[[Contents], pd.DataFrame] | None,
    ) -> None:
        self._session = session
        self._board = board
        self._make = make
        self._whole = whole
        self._unread = unread
        self._held: Sequence[LayerContents] = ()  # those of the image before: the next one may share them

    def run(self, asked: Sequence[Asked | Failure], *, errors: Errors) -> list[list[pd.DataFrame] | Failure]:
        """Give the frames of each name."""
        todo = [one for one in asked if isinstance(one, Asked)]
        results: list[list[pd.DataFrame] | Failure] = []
        with watched_reading(self._session, self._board, todo) as failed:
            for one in asked:
                result = one if isinstance(one, Failure) else self._attempt(one, errors)
                results.append(result)
                if isinstance(result, Failure):
                    failed.append(result.reference)
        return results

    def _attempt(self, asked: Asked, errors: Errors) -> list[pd.DataFrame] | Failure:
        try:
            return [self._frame(asked.opened, image) for image in asked.images]
        except OcinbError as error:
            complete(error, asked.opened.name)
            if errors == "raise":
                raise
            return Failure(asked.opened.name, error)

    def _frame(self, opened: ResolvedReference, image: Image) -> pd.DataFrame:
        if self._unread is not None and image_kind(image) != "image":
            return self._unread(Contents(opened.name, image, ()))
        reader = Reader(opened, self._board, whole=self._whole, held=self._held)
        numbers = range(len(image.manifest.layers))
        with loading("pandas"):  # which takes about as long as a small image
            laid = lay_layers(reader, image, numbers, self._session, with_blobs=False)
        self._held = laid.layers
        return self._make(Contents(opened.name, image, laid.layers), laid.overlay)


@contextmanager
def watched_reading(session: Session, board: Progress, asked: Sequence[Asked]) -> Iterator[list[str]]:
    """Draw, in this block, how far the layers are, and let nobody remove what comes.

    In the end it says what was read; nothing where all was known, and over before anybody waited.

    Yields
    ------
    list of str
        Where the names are noted that fail, if the others go on.
    """
    failed: list[str] = []
    names, started = list(dict.fromkeys(one.opened.name for one in asked)), time.monotonic()
    title, ending, summary, tasks = f"Reading {counted_names(names)}", "stopped", "", _tasks(asked)
    if not tasks:
        yield []
        return
    store = session.store
    with store.in_use():
        store.prepare()
        before, known = _arrived_bytes(store, tasks), _tables(store, tasks)
        try:
            board.start(title, tasks)
            yield failed
            lost = list(dict.fromkeys(failed))  # of several images of one name more than one may fail
            summary = _summary([name for name in names if name not in lost], lost, tasks, started)
        except OcinbError:
            ending = "failed"
            raise
        finally:
            came = _arrived_bytes(store, tasks) - before
            told = summary or f"{title} {ending}{_kept(came)}"
            new = came or failed or not summary or _tables(store, tasks) > known
            board.finish(told if new or time.monotonic() - started > DELAY else "")


def _kept(came: int) -> str:
    """Say what a failure and an interrupt leave, as a pull says it."""
    return "; what came is kept and resumed next time" if came > 0 else ""


def _arrived_bytes(store: Layout, tasks: Iterable[Task]) -> int:
    """Say how much of some blobs is here, in blobs and in parts of them."""
    with suppress(OSError):  # what cannot be looked at is spoken of by whoever needs it
        parts = list_arrived(store.root)
        whole = {task.key: store.blobs.size(Digest(task.key)) for task in tasks}
        return sum(parts.get(key, NOTHING_ARRIVED).size if size is None else size for key, size in whole.items())
    return 0


def _tables(store: Layout, tasks: Iterable[Task]) -> int:
    """Say of how many blobs it is known what stands in them."""
    tables = Tables(store.root)
    return sum(tables.path(Digest(task.key)).exists() for task in tasks)


def _tasks(asked: Sequence[Asked]) -> list[Task]:
    images = [image for one in asked for image in one.images if image_kind(image) == "image"]
    tasks = [task for image in images for task in blob_tasks(image, image.manifest.layers)]
    return list({task.key: task for task in tasks}.values())


def _summary(read: Sequence[str], failed: Sequence[str], tasks: Sequence[Task], started: float) -> str:
    if not read:
        return f"Reading {counted_names(failed)} failed"
    layers = counted(len(tasks), "layer")
    taken = human_duration(time.monotonic() - started)
    return f"Read {counted_names(read)}: {layers} in {taken}" + (f"; {len(failed):,} failed" if failed else "")
