"""Read the layers of images side by side, and write their files into the catalog.

Several images are read at a time. One thread overlays them, one after the other, in an order in which those that share
layers follow each other, and writes several in one transaction.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ocinb._pipeline import hand_in
from ocinb._pool import check_stopped, run_all
from ocinb._text import printable
from ocinb.catalog.connection import Connections
from ocinb.catalog.distributions import Distributions
from ocinb.catalog.files_writer import FilesWriter, OutdatedError, OverlaidImage, OverlayPlan
from ocinb.catalog.indexed_files import fills_groups
from ocinb.catalog.ingest_documents import counting, note_failures
from ocinb.errors import InvalidError, OcinbError
from ocinb.frames.batch import CircuitBreaker, Failure, complete
from ocinb.frames.contents_batch import ImageRequest, watched_reading
from ocinb.frames.document_rows import layer_identities
from ocinb.frames.layer_reader import LayerContents, LayerReader
from ocinb.frames.resolve import ResolvedReference
from ocinb.layer_index import Layer
from ocinb.progress.protocol import Progress, State
from ocinb.sources.images import Image
from ocinb.sources.session import Session
from ocinb.spec.digest import Digest

# So many images are read at a time at most: each may take a gigabyte of memory.
MOST_IMAGES: Final = 4
# And so many that were read wait to be laid.
AHEAD: Final = 1
# To open the file, to begin and end a transaction, and to close the file takes as long as to write several images. So
# what was laid waits for others: but no longer than so many seconds after the last one, and not more than so many.
PAUSE_SECONDS: Final = 0.3
MOST_WAITING: Final = 64


@dataclass(slots=True)
class ImageWork:
    """An image whose files are wanted, and where it can be had: under one name or several, by their numbers."""

    image: Image
    places: list[tuple[int, ResolvedReference]] = field(default_factory=list)

    @property
    def names(self) -> list[int]:
        """The numbers of the names."""
        return [place for place, _ in self.places]

    def layers(self, opened: ResolvedReference) -> list[Layer]:
        """Give its layers, as one of the names has them."""
        stacked, (diff_ids, _) = self.image.manifest.layers, layer_identities(self.image)
        pairs = zip(stacked, diff_ids, strict=True)
        return [Layer(descriptor, opened.source, opened.name, diff_id) for descriptor, diff_id in pairs]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of an image.

    Attributes
    ----------
    work
        The image.
    place
        The number of the name by which it was read at last.
    fetched_bytes
        What came over the wire for it.
    error
        Why it failed; None if it did not.
    written
        Whether this call wrote it; another process may have been faster.
    """

    work: ImageWork
    place: int
    fetched_bytes: int
    error: OcinbError | None = None
    written: bool = False

    @property
    def told(self) -> str:
        """The error, as it is told."""
        return printable(str(self.error))


@dataclass(frozen=True, slots=True)
class _Read:
    """An image of which all layers that nobody else reads were read."""

    ingested: Ingested
    opened: ResolvedReference
    contents: dict[Digest, LayerContents]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An image that was laid, and waits for others, to be written with them."""

    ingested: Ingested
    opened: ResolvedReference
    laid: OverlaidImage


class FilesIngest:
    """The images of one call."""

    def __init__(self, connections: Connections, session: Session, board: Progress) -> None:
        self._connections = connections
        self._session = session
        self._board = board
        self._distributions = Distributions(session.store, session.settings)
        self._writer = FilesWriter(connections, session.store, self._distributions)
        self._unreached = CircuitBreaker()
        self._claiming = threading.Lock()
        self._claimed: set[Digest] = set()  # layers that are read for an image which is not laid yet
        self._layers_each: int | None = None
        self._waiting: list[_Waiting] = []
        self._written: dict[Digest, _Waiting] = {}
        self._unnoted: list[Ingested] = []
        self._ingested: list[Ingested] = []
        self._failed: list[str] = []

    def run(self, works: Sequence[ImageWork]) -> list[Ingested]:
        """Read, lay and write images; what fails is told, and noted, and ends nothing else."""
        ordered = sorted(works, key=lambda work: [layer.digest for layer in work.image.manifest.layers])
        # Where many images are read side by side, a layer of each at a time is enough for all cores.
        self._layers_each = 1 if len(works) >= _workers() else None
        self._writer.learn({layer.digest for work in works for layer in work.image.manifest.layers})

        def read_all(give: Callable[[_Read], None]) -> None:
            run_all(lambda work: give(self._read(work)), ordered, workers=_workers())

        asked = [ImageRequest(work.places[0][1], [work.image]) for work in ordered]
        with watched_reading(self._session, self._board, asked) as failed:
            self._failed = failed
            hand_in(read_all, self._file_all, ahead=AHEAD, pause=PAUSE_SECONDS)
        return self._ingested

    def _read(self, work: ImageWork) -> _Read:
        """Read the layers of an image that nobody has read yet, by the first of its names that can give them."""
        with counting() as fetched:
            for place, opened in work.places:
                try:
                    contents = self._attempt(work, opened)
                except OcinbError as error:
                    complete(error, opened.name)
                    failed = Ingested(work, place, fetched(), error)
                else:
                    return _Read(Ingested(work, place, fetched()), opened, contents)
        return _Read(failed, opened, {})

    def _attempt(self, work: ImageWork, opened: ResolvedReference) -> dict[Digest, LayerContents]:
        layers = work.layers(opened)
        with self._claiming:
            wanted = [number for number in self._unknown(layers) if layers[number].digest not in self._claimed]
            mine = {layers[number].digest for number in wanted}
            self._claimed |= mine
        try:
            if wanted:
                self._unreached.check(opened.name)
            return self._contents(work, opened, wanted)
        except OcinbError as error:
            self._unreached.note(opened.name, error)
            self._give_up(mine)
            raise

    def _give_up(self, digests: Iterable[Digest]) -> None:
        """Let others read layers."""
        with self._claiming:
            self._claimed.difference_update(digests)

    def _unknown(self, layers: Sequence[Layer]) -> list[int]:
        """Give the numbers of the layers that have to be read, each digest once."""
        unknown: dict[Digest, int] = {}
        for number, layer in enumerate(layers):
            known = self._writer.find(layer)
            if known is None:
                unknown.setdefault(layer.digest, number)
            else:
                known.check(layer)
                self._board.state(layer.digest, State.PRESENT)
        return list(unknown.values())

    def _contents(
        self, work: ImageWork, opened: ResolvedReference, numbers: Iterable[int]
    ) -> dict[Digest, LayerContents]:
        """Read some layers; one whose table of contents contradicts what is known by another's is read as a whole."""
        stacked = work.image.manifest.layers
        by_table: list[int] = []
        whole: list[int] = []
        for number in numbers:
            (whole if stacked[number].digest in self._writer else by_table).append(number)
        found: list[LayerContents] = []
        for some, is_whole in ((by_table, False), (whole, True)):
            if some:
                found += LayerReader(opened, self._board, whole=is_whole, workers=self._layers_each).layers(
                    work.image, some
                )
        self._distributions.learn(found)
        return {layer.descriptor.digest: layer for layer in found}

    def _file_all(self, reads: Iterator[_Read | None]) -> None:
        """Lay images as they are read; write them when they are many, and when no other one comes for a moment."""
        for read in reads:
            if read is not None:
                self._take(read)
            if read is None or self._are_many():
                self._write_waiting()
        self._write_waiting()

    def _take(self, read: _Read) -> None:
        """Lay an image, or note why that was not possible."""
        try:
            ingested, laid = read.ingested, None
            if ingested.error is None:
                ingested, laid = self._laid(ingested, read.opened, dict(read.contents), by_tables=True)
            if laid is None:
                self._conclude(ingested)
            else:
                self._waiting.append(_Waiting(ingested, read.opened, laid))
        finally:
            self._give_up(read.contents)

    def _are_many(self) -> bool:
        laid = [waiting.laid for waiting in self._waiting]
        rows = sum(one.rows for one in laid)
        return len(laid) >= MOST_WAITING or fills_groups(rows) or any(one.replaces for one in laid)

    def _write_waiting(self) -> None:
        """Write what was laid, at once; if that is refused, each image by itself."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            try:
                written = self._writer.write([one.laid for one in waiting])
            except (OutdatedError, InvalidError):
                check_stopped()  # it may be that which ended the writing
                for one in waiting:
                    self._write_alone(one.ingested, one.opened)
            else:
                for one in waiting:
                    self._conclude(replace(one.ingested, written=one.laid.manifest_digest in written.digests))
                    self._written[one.laid.manifest_digest] = one
                self._write_again(written.stale)
        self._note_failures()

    def _write_again(self, stale: set[Digest]) -> None:
        """Write again the images of this call whose files went when a layer of theirs was read as a whole."""
        for one in [self._written.pop(digest) for digest in stale & self._written.keys()]:
            self._write_alone(replace(one.ingested, fetched_bytes=0), one.opened)

    def _write_alone(self, ingested: Ingested, opened: ResolvedReference) -> None:
        """Lay an image anew and write it, until nobody else writes its layers meanwhile."""
        while True:
            ingested, laid = self._laid(ingested, opened, {}, by_tables=False)
            if laid is not None:
                try:
                    written = self._writer.write([laid])
                    self._write_again(written.stale)
                    ingested = replace(ingested, written=bool(written.digests))
                except OutdatedError:
                    continue
                except InvalidError as refused:
                    check_stopped()
                    ingested = replace(ingested, error=complete_error(refused, opened.name))
            self._conclude(ingested)
            return

    def _laid(
        self, ingested: Ingested, opened: ResolvedReference, contents: dict[Digest, LayerContents], *, by_tables: bool
    ) -> tuple[Ingested, OverlaidImage | None]:
        """Lay an image, of which some layers were read."""
        laid, error = None, None
        with counting() as fetched:
            try:
                plan = self._plan(ingested.work, opened, contents)
                if self._writer.replaces(plan):  # for which those before have to be there
                    self._write_waiting()
                    plan = self._plan(ingested.work, opened, contents)
                laid = self._writer.overlay(plan, by_tables=by_tables)
            except InvalidError as refused:
                error = complete_error(refused, opened.name)
            except _UnreadError as unread:
                error = complete_error(unread.error, opened.name)
        return replace(ingested, fetched_bytes=ingested.fetched_bytes + fetched(), error=error), laid

    def _conclude(self, ingested: Ingested) -> None:
        """Take note of what became of an image."""
        self._ingested.append(ingested)
        if ingested.error is not None:
            self._failed += [opened.name for _, opened in ingested.work.places]
            self._unnoted.append(ingested)

    def _note_failures(self) -> None:
        """Note in the catalogue what failed."""
        unnoted, self._unnoted = self._unnoted, []
        failures = [
            Failure(opened.name, ingested.error)
            for ingested in unnoted
            for _, opened in ingested.work.places
            if ingested.error is not None
        ]
        if failures:
            with self._connections.write() as connection:
                note_failures(connection, failures, "files")

    def _plan(self, work: ImageWork, opened: ResolvedReference, contents: dict[Digest, LayerContents]) -> OverlayPlan:
        """Have all layers, also those that somebody else wanted to read and did not."""
        try:
            layers = work.layers(opened)
            unknown = self._unknown(layers)
            missing = [number for number in unknown if not self._fits(layers[number], contents)]
            contents.update(self._contents(work, opened, missing))
            new = {layers[number].digest: contents[layers[number].digest] for number in unknown}
            return OverlayPlan(work.image.document.digest, layers, new)
        except OcinbError as error:
            raise _UnreadError(error) from None

    def _fits(self, layer: Layer, contents: dict[Digest, LayerContents]) -> bool:
        """Say whether a layer was read, and as a whole if another's table of contents is known."""
        read = contents.get(layer.digest)
        return read is not None and (read.table is not None or layer.digest not in self._writer)


class _UnreadError(Exception):
    """Carries why a layer could not be read past what is said of the catalogue itself. It never leaves this module."""

    def __init__(self, error: OcinbError) -> None:
        super().__init__(str(error))
        self.error = error


def complete_error(error: OcinbError, name: str) -> OcinbError:
    """Say in an error what was asked for."""
    complete(error, name)
    return error


def _workers() -> int:
    return min(MOST_IMAGES, 2 * (os.cpu_count() or 1))
