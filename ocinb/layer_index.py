"""Indexing: layers into the tables of what stands in them, each read once in the life of a store.

A layer is read as soon as it is here, while others still come.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, Self

from ocinb._pipeline import hand_out, hand_over
from ocinb._pool import alone, check_stopped, run_all
from ocinb._settings import MIB, Settings
from ocinb.archive.compression import MAGIC_BYTES, Limits, compression_of, decompressed
from ocinb.archive.entries import Columns
from ocinb.archive.limits import TarLimits
from ocinb.archive.tar import Scanner, read_entry
from ocinb.errors import IntegrityError, InvalidError, OcinbError
from ocinb.progress.protocol import NoProgress, Progress, State
from ocinb.sources.base import Source
from ocinb.spec.digest import Digest, Verifier
from ocinb.spec.documents import Descriptor
from ocinb.storage.layer_tables import Table, Tables, Writer
from ocinb.storage.layout import Layout
from ocinb.storage.safe_files import disk_errors, open_regular_file
from ocinb.transfer import Job, Transfer

# Of a blob, at a time. What hashes and unpacks lets other threads go on meanwhile; each hand-over costs.
CHUNK: Final = MIB
# So many pieces of a tar, of up to 4 MiB each, may wait to be hashed.
AHEAD: Final = 3


class Board(NoProgress):
    """Passes on what is told of blobs, and knows whose bytes were told: reading a blob tells of those of the others.

    Attributes
    ----------
    told
        How many bytes, by digest.
    """

    def __init__(self, progress: Progress) -> None:
        self.told: Counter[str] = Counter()
        self._progress = progress

    def advance(self, key: str, amount: int) -> None:
        """Note how many bytes were told, and tell them."""
        self.told[key] += amount
        self._progress.advance(key, amount)

    def state(self, key: str, state: State) -> None:
        """Tell it."""
        self._progress.state(key, state)


class Scan:
    """One blob on its way into a table; a context manager, which takes back what it told if it fails."""

    def __init__(self, file: BinaryIO, digest: Digest, settings: Settings, board: Board) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._where = f"layer {digest}"
        self._digest = digest
        self._settings = settings
        self._board = board
        self._verifier = Verifier(digest, self._size)
        self._tells = not board.told[digest]

    def __enter__(self) -> Self:
        self._board.state(self._digest, State.READING)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._tell(-self._verifier.seen)

    def run(self, writer: Writer, as_layer: Callable[[Columns], Columns], algorithm: str) -> Table:
        """Read all of it.

        Raises
        ------
        IntegrityError
            If it is damaged, or not what its digest says.
        InvalidError
            If it passes a limit, which the message names.
        """
        hashed = hashlib.new(algorithm, usedforsecurity=False)
        scanner = Scanner(_tar_limits(self._settings), self._where)

        def use(pieces: Iterable[bytes]) -> None:
            for piece in pieces:
                hashed.update(piece)
                scanner.feed(piece)
                writer.add(as_layer(scanner.take()))
            scanner.finish()
            writer.add(as_layer(scanner.take()))

        hand_over(self._plain(), use, ahead=AHEAD)
        return writer.complete(f"{algorithm}:{hashed.hexdigest()}", scanner.seen)

    def _plain(self) -> Iterator[bytes]:
        """Unpack the blob, and see at the end that it was the right one."""
        yield from decompressed(self._chunks(), Limits.of(self._settings), self._where, size=self._size)
        self._verifier.check()

    def _chunks(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK):
            check_stopped()
            self._verifier.update(chunk)
            self._tell(len(chunk))
            yield chunk

    def _tell(self, amount: int) -> None:
        if self._tells:
            self._board.advance(self._digest, amount)


def _tar_limits(settings: Settings) -> TarLimits:
    return TarLimits(
        settings.max_tar_entries,
        settings.max_tar_header_bytes,
        settings.max_unpacked_bytes,
        settings.max_hole_bytes,
        settings.max_tar_name_bytes,
    )


# More layers at a time take memory, and hardly less time: what looks at headers has Python's one lock.
MOST_LAYERS: Final = 8

_ANY_ALGORITHM = "sha256:"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that is wanted.

    Attributes
    ----------
    descriptor
        What it is.
    source
        Where it comes from, if it is not in the store.
    name
        What it is wanted for, which its errors tell.
    diff_id
        What the digest of its tar has to be, by the config; None if nobody says it.
    """

    descriptor: Descriptor
    source: Source
    name: str | None
    diff_id: str | None

    @property
    def digest(self) -> Digest:
        """Its digest as it is stored."""
        return self.descriptor.digest


Results = dict[Digest, Table | OcinbError]


def index_layers(
    layers: Sequence[Layer],
    layout: Layout,
    settings: Settings,
    progress: Progress,
    *,
    errors: str,
    as_layer: Callable[[Columns], Columns],
    workers: int | None = None,
) -> Results:
    """Give what stands in layers, each digest once.

    What was read before is not read again, and its blob need not be there. Other blobs are fetched into the store;
    whoever calls tells others that it is in use.

    Raises
    ------
    IntegrityError
        If a layer is damaged, or its tar is not what the config says (see `check_diff_id`).
    InvalidError
        If a layer passes a limit, or nobody says how long it is.
    TransportError
        If a blob cannot be fetched, or the disk is full.

    Notes
    -----
    Of several that have one digest, and are said to have different diff_ids, those that are right count if errors is
    ``"skip"``; whoever has the config of the others can `check_diff_id`.
    """
    return _Indexing(layout, settings, progress, errors, as_layer, workers or _workers()).run(layers)


def check_diff_id(layer: Layer, table: Table) -> Table:
    """Give a table, if it is of the tar that a config promised.

    Raises
    ------
    IntegrityError
        If it is not; both digests are in the message.
    """
    if layer.diff_id is not None and layer.diff_id != table.diff_id:
        said = f"the config says that the tar of layer {layer.digest} is {layer.diff_id}, but it is {table.diff_id}"
        raise IntegrityError(said, reference=layer.name)
    return table


class _Indexing:
    def __init__(
        self,
        layout: Layout,
        settings: Settings,
        progress: Progress,
        errors: str,
        as_layer: Callable[[Columns], Columns],
        workers: int,
    ) -> None:
        self._layout = layout
        self._settings = settings
        self._board = Board(progress)
        self._errors = errors
        self._as_layer = as_layer
        self._workers = workers
        self._tables = Tables(layout.root)

    def run(self, layers: Sequence[Layer]) -> Results:
        distinct = {layer.digest: layer for layer in reversed(layers)}
        known = run_all(self._find, distinct.values(), workers=self._workers)
        done: Results = {table.digest: table for table in known if table is not None}
        for digest in done:
            self._board.state(digest, State.PRESENT)
        unread = [layer for layer in layers if layer.digest not in done]
        if unread:
            done |= self._fetch_and_read(unread, distinct)
        return self._compared(layers, done)

    def _find(self, layer: Layer) -> Table | None:
        """Give what was read before, if nothing contradicts it, and its diff_id can be compared with the config's."""
        stored, said = self._layout.blobs.size(layer.digest), layer.descriptor.known_size
        if stored is not None and said is not None and stored != said:
            return None
        table = self._tables.find(layer.digest)
        return table if table is not None and _algorithm_of(table.diff_id) == _algorithm(layer) else None

    def _fetch_and_read(self, unread: Sequence[Layer], distinct: Mapping[Digest, Layer]) -> Results:
        read: Results = {}

        def use(digest: Digest) -> None:
            if digest not in read:  # one of two sizes may be told after the other
                read[digest] = self._attempt(distinct[digest])

        failed = hand_out(lambda give: self._fetch(unread, give), use, workers=self._workers)
        return {**failed, **read}

    def _fetch(self, layers: Sequence[Layer], give: Callable[[Digest], object]) -> dict[Digest, OcinbError]:
        """Hand on what is here, the largest first, then what comes as it comes; give what failed."""
        jobs, failed = self._jobs(layers)
        here: list[Job] = []
        absent: list[Job] = []
        for job in jobs:
            stands = self._layout.blobs.size(job.descriptor.digest) == job.descriptor.size
            (here if stands else absent).append(job)
        found: list[Digest] = []
        failed |= self._transfer(here, found.append)
        sizes = {job.descriptor.digest: job.descriptor.size for job in here}
        for digest in sorted(found, key=lambda digest: -sizes[digest]):
            give(digest)
        if absent:
            self._layout.prepare()
        return failed | self._transfer(absent, give)

    def _transfer(self, jobs: Sequence[Job], give: Callable[[Digest], object]) -> dict[Digest, OcinbError]:
        board = _Arrivals(self._board, give)
        fetched = Transfer(self._layout, self._settings, board, verify="size").run(jobs, errors=self._errors)
        return {digest: result for digest, result in fetched.items() if isinstance(result, OcinbError)}

    def _jobs(self, layers: Iterable[Layer]) -> tuple[list[Job], dict[Digest, OcinbError]]:
        jobs: list[Job] = []
        failed: dict[Digest, OcinbError] = {}
        for layer in layers:
            try:
                jobs.append(self._job(layer))
            except InvalidError as error:
                self._board.state(layer.digest, State.FAILED)
                if self._errors == "raise":
                    raise
                failed[layer.digest] = error
        return jobs, failed

    def _job(self, layer: Layer) -> Job:
        """Say what is to be fetched; Docker's schema 1 names layers without their sizes."""
        blob = layer.descriptor
        size = self._layout.blobs.size(blob.digest) if blob.known_size is None else blob.size
        if size is None:
            raise InvalidError(
                f"nobody says how long layer {blob.digest} is, so it cannot be fetched",
                reference=layer.name,
                hint="Push it again with a client of today",
            )
        return Job(replace(blob, size=size), layer.source, layer.name)

    def _attempt(self, layer: Layer) -> Table | OcinbError:
        try:
            with alone((self._layout.root, "index", layer.digest)):  # those that wait find it read
                table = self._find(layer) or self._read(layer)
        except OcinbError as error:
            self._board.state(layer.digest, State.FAILED)
            error.reference = error.reference or layer.name
            if self._errors == "raise":
                raise
            return error
        self._board.state(layer.digest, State.DONE)
        return table

    def _read(self, layer: Layer) -> Table:
        """Read a layer; one that was damaged in the store is fetched anew."""
        with disk_errors(self._layout.blobs.path(layer.digest)):
            try:
                return self._scan(layer)
            except (IntegrityError, InvalidError, FileNotFoundError):
                job = self._job(layer)
                if self._layout.blobs.holds(layer.digest, job.descriptor.size, full=True):  # so it was made
                    raise
            Transfer(self._layout, self._settings, NoProgress(), verify="size").run([job], errors="raise")
            return self._scan(layer)

    def _scan(self, layer: Layer) -> Table:
        digest = layer.digest
        with (
            open_regular_file(self._layout.blobs.path(digest)) as file,
            Scan(file, digest, self._settings, self._board) as scan,
            self._tables.writer(digest) as writer,
        ):
            return scan.run(writer, self._as_layer, _algorithm(layer))

    def _compared(self, layers: Sequence[Layer], done: Results) -> Results:
        """Compare the results with what the configs say."""
        compared: Results = {}
        for layer in layers:
            result = done[layer.digest]
            try:
                right: Table | OcinbError = check_diff_id(layer, result) if isinstance(result, Table) else result
            except IntegrityError as error:
                if self._errors == "raise":
                    raise
                compared.setdefault(layer.digest, error)
            else:
                compared[layer.digest] = right
        return compared


class _Arrivals(NoProgress):
    """Passes on what is told of blobs that come; one that is here is not done, but can be read."""

    def __init__(self, board: Board, give: Callable[[Digest], object]) -> None:
        self._board = board
        self._give = give

    def advance(self, key: str, amount: int) -> None:
        self._board.advance(key, amount)

    def state(self, key: str, state: State) -> None:
        if state.complete:
            self._give(Digest(key))
        else:
            self._board.state(key, state)


def _algorithm(layer: Layer) -> str:
    """Say by what the tar is hashed: as the config says it."""
    return _algorithm_of(layer.diff_id or _ANY_ALGORITHM)


def _algorithm_of(digest: str) -> str:
    return digest.partition(":")[0]


def _workers() -> int:
    """Say how many layers at a time are worth it."""
    return min(MOST_LAYERS, os.cpu_count() or 1)


def read_stored_entry(
    layout: Layout, settings: Settings, digest: Digest, position: int, *, size: int = 0, offset: int | None = None
) -> bytes:
    """Read the content of one entry of a layer in the store.

    Of an uncompressed layer nothing else is read if `size` and `offset` of the entry are given; of any other layer,
    all that comes before it. The caller checks the digest of the content.

    Raises
    ------
    IntegrityError
        If the layer is damaged.
    InvalidError
        If there is no such entry, it is no regular file, or the layer passes a limit.
    """
    where = f"the layer {digest}"
    limits = TarLimits(settings.max_tar_entries, settings.max_tar_header_bytes, settings.max_unpacked_bytes)
    with disk_errors(path := layout.blobs.path(digest)), open_regular_file(path) as file:
        if offset is not None and compression_of(file.read(MAGIC_BYTES)) == "none":
            file.seek(offset)
            return file.read(size)
        file.seek(0)
        tar = decompressed(_chunks(file), Limits.of(settings), where, size=layout.blobs.size(digest))
        return read_entry(tar, position, limits, where)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        check_stopped()
        yield chunk
