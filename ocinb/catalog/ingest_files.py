"""Filing: what stands in layers goes into the catalogue, each layer once, each image wholly or not at all.

Layers are fetched and read for several images side by side. One thread lays the images, one after the other, in an
order in which those that share layers follow each other, and writes several at once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import duckdb

from ocinb._pipeline import hand_in
from ocinb._pool import check_stopped, interrupted_by, run_all
from ocinb._text import printable
from ocinb.archive.entries import Columns
from ocinb.catalog.connection import Connections, transaction, translated
from ocinb.catalog.distributions import Distributions
from ocinb.catalog.indexed_files import (
    KnownLayer,
    LayerRows,
    fills_groups,
    insert_files,
    insert_overlay,
    known_layers,
    note_read,
    stored_columns,
)
from ocinb.catalog.ingest_documents import counting, note_failures
from ocinb.errors import InvalidError, OcinbError
from ocinb.frames.batch import CircuitBreaker, Failure, complete
from ocinb.frames.contents_batch import ImageRequest, watched_reading
from ocinb.frames.document_rows import layer_identities
from ocinb.frames.layer_reader import LayerContents, LayerReader
from ocinb.frames.resolve import ResolvedReference
from ocinb.layer_index import Layer
from ocinb.progress.protocol import Progress, State
from ocinb.rootfs.shared_overlay import Exceptions, Stacks
from ocinb.sources.images import Image
from ocinb.sources.session import Session
from ocinb.spec.digest import Digest
from ocinb.storage.layer_tables import Tables
from ocinb.storage.layout import Layout

# Of a layer, and whether all of it was read: by its table of contents alone it may have other entries.
_Key = tuple[Digest, bool]

_ARE_WRITTEN = """
    SELECT manifest_digest
    FROM manifests
    WHERE indexed_at IS NOT NULL AND manifest_digest IN (SELECT unnest($digests::VARCHAR[]))
"""
_NOTE = """
    UPDATE manifests
    SET indexed_at = $moment, distribution = fresh.distribution
    FROM (SELECT unnest($digests::VARCHAR[]) AS digest, unnest($distributions::VARCHAR[]) AS distribution) AS fresh
    WHERE manifests.manifest_digest = fresh.digest
"""
_TAKE_OUT = "DELETE FROM files WHERE layer_digest IN (SELECT unnest($digests::VARCHAR[]))"
_LAID_WITH = """
    SELECT DISTINCT manifest_digest
    FROM manifest_layers
    JOIN manifests USING (manifest_digest)
    WHERE indexed_at IS NOT NULL AND layer_digest IN (SELECT unnest($digests::VARCHAR[]))
    ORDER BY manifest_digest
"""
_STACKED = """
    SELECT layer_digest, tar_bytes IS NOT NULL
    FROM manifest_layers
    JOIN layers USING (layer_digest)
    WHERE manifest_digest = $digest
    ORDER BY layer
"""
_LIFT = "DELETE FROM overlay WHERE manifest_digest = $digest"


class OutdatedError(Exception):
    """What was known of layers is not so any more: somebody wrote some, or took their tables out of the store.

    Whoever reads once more knows.
    """


@dataclass(frozen=True, slots=True)
class Plan:
    """An image that is to be laid.

    Attributes
    ----------
    manifest_digest
        Which it is.
    layers
        Its layers, from the base up.
    new
        What stands in those whose files the catalogue lacks, or has by a table of contents that this image does not
        promise.
    """

    manifest_digest: Digest
    layers: Sequence[Layer]
    new: dict[Digest, LayerContents]


@dataclass(frozen=True, slots=True)
class Laid:
    """An image that was laid, and is to be written.

    Attributes
    ----------
    manifest_digest
        Which it is.
    digests
        Its distinct layers.
    new
        The rows of those whose files are to be written.
    found
        What became of its entries.
    distribution
        Which distribution it is of.
    replaces
        Whether some of its new layers take the place of what the catalogue has of them.
    """

    manifest_digest: Digest
    digests: frozenset[Digest]
    new: dict[Digest, LayerRows]
    found: Exceptions
    distribution: str | None
    replaces: bool

    @property
    def rows(self) -> int:
        """How many rows its new layers have."""
        return sum(layer.count for layer in self.new.values())


class Shelf:
    """Lays images and writes them; for one thread at a time, but for `find`.

    Parameters
    ----------
    connections
        The catalogue.
    store
        Where tables of layers may be.
    distributions
        Finds out which distribution an image is of.
    """

    def __init__(self, connections: Connections, store: Layout, distributions: Distributions) -> None:
        self._known: dict[Digest, KnownLayer] = {}
        self._connections = connections
        self._tables = Tables(store.root)
        self._distributions = distributions
        self._stacks = Stacks()

    def __contains__(self, digest: Digest) -> bool:
        """Say whether the files of a layer stand in the catalogue, or in what was laid."""
        return digest in self._known

    def find(self, layer: Layer) -> KnownLayer | None:
        """Find a layer whose files stand in the catalogue, or in what was laid, and speak for the image that has it."""
        known = self._known.get(layer.digest)
        return known if known is not None and known.speaks_for(layer) else None

    def learn(self, digests: Collection[Digest]) -> None:
        """Ask the catalogue which of some layers it has."""
        with self._connections.connect() as connection:
            self._learn(connection, digests)

    def replaces(self, plan: Plan) -> bool:
        """Say whether what is read of some layers for an image takes the place of what was read of them before."""
        return any(digest in self for digest in plan.new)

    def lay(self, plan: Plan, *, by_tables: bool) -> Laid:
        """Lay an image; its layers count as known from now on.

        Parameters
        ----------
        plan
            The image.
        by_tables
            Whether new layers are written out of their tables in the store, and not kept in memory until then.

        Raises
        ------
        InvalidError
            If it cannot be laid.
        """
        keys = [self._key(plan, layer) for layer in plan.layers]

        def read(number: int) -> Columns:
            digest, whole = keys[number]
            contents = plan.new.get(digest)
            return self._columns(digest, whole=whole) if contents is None else contents.entries

        found = self._stacks.lay(keys, read)
        check_stopped()
        digests = [digest for digest, _ in keys]
        distribution = self._distributions.find(digests, found)
        rows = {digest: LayerRows.of(contents, by_table=by_tables) for digest, contents in plan.new.items()}
        replaces = self.replaces(plan)
        self._known.update((digest, _known(contents)) for digest, contents in plan.new.items())
        return Laid(plan.manifest_digest, frozenset(digests), rows, found, distribution, replaces)

    def write(self, batch: Sequence[Laid]) -> set[Digest]:
        """Write images that were laid, all of them or none.

        Returns
        -------
        set of Digest
            Those that no other process had written before.

        Raises
        ------
        OutdatedError
            If another process changed what is known of their layers.
        InvalidError
            If the catalogue does not take them.
        TransportError
            If the catalogue cannot be written, or another process holds it.
        """
        what = ", ".join(laid.manifest_digest for laid in batch[:1]) + (" and others" if len(batch) > 1 else "")
        try:
            with (
                self._connections.write() as connection,
                translated(f"the catalogue does not take {what}"),
                interrupted_by(connection.interrupt),
            ):
                return self._attempt(connection, batch)
        except BaseException:
            self._forget(batch)
            raise

    def _forget(self, batch: Iterable[Laid]) -> None:
        """Know no more of layers than before they were laid."""
        for laid in batch:
            for digest in laid.new:
                self._known.pop(digest, None)

    def _key(self, plan: Plan, layer: Layer) -> _Key:
        new = plan.new.get(layer.digest)
        return layer.digest, self._known[layer.digest].whole if new is None else new.table is not None

    def _columns(self, digest: Digest, *, whole: bool, within: duckdb.DuckDBPyConnection | None = None) -> Columns:
        """Give what stands in a layer: out of the store, else out of the catalogue."""
        table = self._tables.find(digest) if whole else None
        if table is not None:
            return table.entries
        if within is not None:
            return stored_columns(within, digest)
        with self._connections.connect() as connection:
            return stored_columns(connection, digest)

    def _attempt(self, connection: duckdb.DuckDBPyConnection, batch: Sequence[Laid]) -> set[Digest]:
        try:
            with transaction(connection):
                written = {digest for (digest,) in _run(connection, _ARE_WRITTEN, digests=[*_images(batch)])}
                todo = [laid for laid in batch if laid.manifest_digest not in written]
                self._insert(connection, todo)
        except duckdb.Error:
            check_stopped()
            if all(self._is_there(layer) for laid in batch for layer in laid.new.values()):
                raise
            raise OutdatedError from None
        return set(_images(todo))

    def _is_there(self, layer: LayerRows) -> bool:
        return layer.table is None or self._tables.sealed(layer.digest) == layer.table

    def _insert(self, connection: duckdb.DuckDBPyConnection, batch: Sequence[Laid]) -> None:
        moment = datetime.now(UTC)
        new = {digest: rows for laid in batch for digest, rows in laid.new.items()}
        absent, outdated = self._compare(connection, {digest for laid in batch for digest in laid.digests}, new)
        if outdated:
            _run(connection, _TAKE_OUT, digests=outdated)
        if absent or outdated:
            fresh = [new[digest] for digest in [*absent, *outdated]]
            insert_files(connection, fresh)
            note_read(connection, fresh, moment)
        insert_overlay(connection, {laid.manifest_digest: laid.found for laid in batch})
        if outdated:
            self._lay_anew(connection, outdated)
        distributions = [laid.distribution for laid in batch]
        _run(connection, _NOTE, digests=[*_images(batch)], distributions=distributions, moment=moment)

    def _compare(
        self, connection: duckdb.DuckDBPyConnection, digests: Collection[Digest], new: dict[Digest, LayerRows]
    ) -> tuple[list[Digest], list[Digest]]:
        """Say which layers the catalogue lacks, and which it has by a table of contents and can have as a whole.

        Raises
        ------
        OutdatedError
            If it has others than those that the images were laid with.
        """
        there = known_layers(connection, digests)
        absent, by_table = [], []
        for digest in sorted(digests):
            fresh, has, had = new.get(digest), there.get(digest), self._known.get(digest)
            if fresh is not None and has is None:
                absent.append(digest)
            elif fresh is not None and fresh.tar_bytes is not None and has is not None:
                by_table.extend([] if has.whole else [digest])
            elif fresh is not None or has is None or had is None or not has.same_as(had):
                self._learn(connection, digests)
                raise OutdatedError
        return absent, by_table

    def _learn(self, connection: duckdb.DuckDBPyConnection, digests: Collection[Digest]) -> None:
        for digest in digests:
            self._known.pop(digest, None)
        found = known_layers(connection, digests)
        self._known.update(found)
        self._distributions.recall(connection, list(found))

    def _lay_anew(self, connection: duckdb.DuckDBPyConnection, digests: Collection[Digest]) -> None:
        """Lay the other images that have some layers, now that more is known of these."""
        for (manifest,) in _run(connection, _LAID_WITH, digests=digests):
            keys = [(Digest(digest), whole) for digest, whole in _run(connection, _STACKED, digest=manifest)]
            found = self._stacks.lay(keys, lambda number, keys=keys: self._within(connection, keys[number]))  # type: ignore[misc]
            _run(connection, _LIFT, digest=manifest)
            insert_overlay(connection, {Digest(manifest): found})

    def _within(self, connection: duckdb.DuckDBPyConnection, key: _Key) -> Columns:
        digest, whole = key
        return self._columns(digest, whole=whole, within=connection)


def _images(batch: Iterable[Laid]) -> Iterator[Digest]:
    return (laid.manifest_digest for laid in batch)


def _run(connection: duckdb.DuckDBPyConnection, query: str, **values: object) -> list[tuple[Any, ...]]:
    plain = {name: _plain(value) for name, value in values.items()}
    return connection.execute(query, plain).fetchall()


def _plain(value: object) -> object:
    """Give digests as the plain texts that they are."""
    if isinstance(value, str):
        return str(value)
    return [one if one is None else str(one) for one in value] if isinstance(value, list) else value


def _known(layer: LayerContents) -> KnownLayer:
    descriptor, table = layer.descriptor, layer.table
    size = descriptor.known_size
    if table is None:
        return KnownLayer(descriptor.digest, size, None, None, descriptor)
    return KnownLayer(descriptor.digest, size, table.tar_bytes, table.diff_id)


# So many images are read at a time at most: each may take a gigabyte of memory.
MOST_IMAGES: Final = 4
# And so many that were read wait to be laid.
AHEAD: Final = 1
# To open the file, to begin and end a transaction, and to close the file takes as long as to write several images. So
# what was laid waits for others: but no longer than so many seconds after the last one, and not more than so many.
PAUSE_SECONDS: Final = 0.3
MOST_WAITING: Final = 64


@dataclass(slots=True)
class Work:
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
class Filed:
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

    work: Work
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

    filed: Filed
    opened: ResolvedReference
    contents: dict[Digest, LayerContents]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An image that was laid, and waits for others, to be written with them."""

    filed: Filed
    opened: ResolvedReference
    laid: Laid


class Filing:
    """The images of one call.

    Parameters
    ----------
    connections
        The catalogue.
    session
        The connections to registries.
    board
        Who is told of the layers.
    """

    def __init__(self, connections: Connections, session: Session, board: Progress) -> None:
        self._connections = connections
        self._session = session
        self._board = board
        self._distributions = Distributions(session.store, session.settings)
        self._shelf = Shelf(connections, session.store, self._distributions)
        self._unreached = CircuitBreaker()
        self._claiming = threading.Lock()
        self._claimed: set[Digest] = set()  # layers that are read for an image which is not laid yet
        self._layers_each: int | None = None
        self._waiting: list[_Waiting] = []
        self._unnoted: list[Filed] = []
        self._filed: list[Filed] = []
        self._failed: list[str] = []

    def run(self, works: Sequence[Work]) -> list[Filed]:
        """Read, lay and write images; what fails is told, and noted, and ends nothing else."""
        ordered = sorted(works, key=lambda work: [layer.digest for layer in work.image.manifest.layers])
        # Where many images are read side by side, a layer of each at a time is enough for all cores.
        self._layers_each = 1 if len(works) >= _workers() else None
        self._shelf.learn({layer.digest for work in works for layer in work.image.manifest.layers})

        def read_all(give: Callable[[_Read], None]) -> None:
            run_all(lambda work: give(self._read(work)), ordered, workers=_workers())

        asked = [ImageRequest(work.places[0][1], [work.image]) for work in ordered]
        with watched_reading(self._session, self._board, asked) as failed:
            self._failed = failed
            hand_in(read_all, self._file_all, ahead=AHEAD, pause=PAUSE_SECONDS)
        return self._filed

    def _read(self, work: Work) -> _Read:
        """Read the layers of an image that nobody has read yet, by the first of its names that can give them."""
        with counting() as fetched:
            for place, opened in work.places:
                try:
                    contents = self._attempt(work, opened)
                except OcinbError as error:
                    complete(error, opened.name)
                    failed = Filed(work, place, fetched(), error)
                else:
                    return _Read(Filed(work, place, fetched()), opened, contents)
        return _Read(failed, opened, {})

    def _attempt(self, work: Work, opened: ResolvedReference) -> dict[Digest, LayerContents]:
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
        """Give the numbers of the layers that have to be read, each digest once.

        Raises
        ------
        IntegrityError
            If one that was read is not what the config promises.
        """
        unknown: dict[Digest, int] = {}
        for number, layer in enumerate(layers):
            known = self._shelf.find(layer)
            if known is None:
                unknown.setdefault(layer.digest, number)
            else:
                known.check(layer)
                self._board.state(layer.digest, State.PRESENT)
        return list(unknown.values())

    def _contents(self, work: Work, opened: ResolvedReference, numbers: Iterable[int]) -> dict[Digest, LayerContents]:
        """Read some layers; one whose table of contents contradicts what is known by another's is read as a whole."""
        stacked = work.image.manifest.layers
        by_table: list[int] = []
        whole: list[int] = []
        for number in numbers:
            (whole if stacked[number].digest in self._shelf else by_table).append(number)
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
            filed, laid = read.filed, None
            if filed.error is None:
                filed, laid = self._laid(filed, read.opened, dict(read.contents), by_tables=True)
            if laid is None:
                self._conclude(filed)
            else:
                self._waiting.append(_Waiting(filed, read.opened, laid))
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
                written = self._shelf.write([one.laid for one in waiting])
            except (OutdatedError, InvalidError):
                check_stopped()  # it may be that which ended the writing
                for one in waiting:
                    self._write_alone(one.filed, one.opened)
            else:
                self._filed += [replace(one.filed, written=one.laid.manifest_digest in written) for one in waiting]
        self._note_failures()

    def _write_alone(self, filed: Filed, opened: ResolvedReference) -> None:
        """Lay an image anew and write it, until nobody else writes its layers meanwhile."""
        while True:
            filed, laid = self._laid(filed, opened, {}, by_tables=False)
            if laid is not None:
                try:
                    filed = replace(filed, written=bool(self._shelf.write([laid])))
                except OutdatedError:
                    continue
                except InvalidError as refused:
                    check_stopped()
                    filed = replace(filed, error=complete_error(refused, opened.name))
            self._conclude(filed)
            return

    def _laid(
        self, filed: Filed, opened: ResolvedReference, contents: dict[Digest, LayerContents], *, by_tables: bool
    ) -> tuple[Filed, Laid | None]:
        """Lay an image, of which some layers were read."""
        laid, error = None, None
        with counting() as fetched:
            try:
                plan = self._plan(filed.work, opened, contents)
                if self._shelf.replaces(plan):  # for which those before have to be there
                    self._write_waiting()
                    plan = self._plan(filed.work, opened, contents)
                laid = self._shelf.lay(plan, by_tables=by_tables)
            except InvalidError as refused:
                error = complete_error(refused, opened.name)
            except _UnreadError as unread:
                error = complete_error(unread.error, opened.name)
        return replace(filed, fetched_bytes=filed.fetched_bytes + fetched(), error=error), laid

    def _conclude(self, filed: Filed) -> None:
        """Take note of what became of an image."""
        self._filed.append(filed)
        if filed.error is not None:
            self._failed += [opened.name for _, opened in filed.work.places]
            self._unnoted.append(filed)

    def _note_failures(self) -> None:
        """Note in the catalogue what failed."""
        unnoted, self._unnoted = self._unnoted, []
        failures = [
            Failure(opened.name, filed.error)
            for filed in unnoted
            for _, opened in filed.work.places
            if filed.error is not None
        ]
        if failures:
            with self._connections.write() as connection:
                note_failures(connection, failures, "files")

    def _plan(self, work: Work, opened: ResolvedReference, contents: dict[Digest, LayerContents]) -> Plan:
        """Have all layers, also those that somebody else wanted to read and did not."""
        try:
            layers = work.layers(opened)
            unknown = self._unknown(layers)
            missing = [number for number in unknown if not self._fits(layers[number], contents)]
            contents.update(self._contents(work, opened, missing))
            new = {layers[number].digest: contents[layers[number].digest] for number in unknown}
            return Plan(work.image.document.digest, layers, new)
        except OcinbError as error:
            raise _UnreadError(error) from None

    def _fits(self, layer: Layer, contents: dict[Digest, LayerContents]) -> bool:
        """Say whether a layer was read, and as a whole if another's table of contents is known."""
        read = contents.get(layer.digest)
        return read is not None and (read.table is not None or layer.digest not in self._shelf)


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
