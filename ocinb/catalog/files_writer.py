"""Overlay images that were read, and write them into the tables: each layer once, each image wholly or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from ocinb._pool import check_stopped, interrupted_by
from ocinb.archive.entries import Columns
from ocinb.catalog.connection import Connections, transaction, translated
from ocinb.catalog.distributions import Distributions
from ocinb.catalog.indexed_files import (
    KnownLayer,
    LayerRows,
    insert_files,
    insert_overlay,
    known_layers,
    note_read,
    stored_columns,
)
from ocinb.frames.layer_reader import LayerContents
from ocinb.layer_index import Layer
from ocinb.rootfs.shared_overlay import Exceptions, Stacks
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
_DELETE_FILES = "DELETE FROM files WHERE layer_digest IN (SELECT unnest($digests::VARCHAR[]))"
# Images whose overlay was made from what a table of contents said of a layer that is read as a whole now.
_MAKE_STALE = """
    UPDATE manifests
    SET indexed_at = NULL
    WHERE indexed_at IS NOT NULL AND manifest_digest IN (
        SELECT manifest_digest FROM manifest_layers WHERE layer_digest IN (SELECT unnest($digests::VARCHAR[]))
    )
    RETURNING manifest_digest
"""
_DELETE_OVERLAY = "DELETE FROM overlay WHERE manifest_digest IN (SELECT unnest($digests::VARCHAR[]))"


class OutdatedError(Exception):
    """What was known of layers is not so any more: somebody wrote some, or took their tables out of the store.

    Whoever reads once more knows.
    """


@dataclass(frozen=True, slots=True)
class OverlayPlan:
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
class OverlaidImage:
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


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction wrote.

    Attributes
    ----------
    digests
        The images that no other process had written before.
    stale
        Images whose files were deleted, since more is known of their layers now; adding them again writes them.
    """

    digests: set[Digest]
    stale: set[Digest]


class FilesWriter:
    """Lays images and writes them; for one thread at a time, but for `find`."""

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

    def replaces(self, plan: OverlayPlan) -> bool:
        """Say whether what is read of some layers for an image takes the place of what was read of them before."""
        return any(digest in self for digest in plan.new)

    def overlay(self, plan: OverlayPlan, *, by_tables: bool) -> OverlaidImage:
        """Lay an image; its layers count as known from now on."""
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
        return OverlaidImage(plan.manifest_digest, frozenset(digests), rows, found, distribution, replaces)

    def write(self, batch: Sequence[OverlaidImage]) -> Written:
        """Write images that were laid, all of them or none."""
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

    def _forget(self, batch: Iterable[OverlaidImage]) -> None:
        """Know no more of layers than before they were laid."""
        for laid in batch:
            for digest in laid.new:
                self._known.pop(digest, None)

    def _key(self, plan: OverlayPlan, layer: Layer) -> _Key:
        new = plan.new.get(layer.digest)
        return layer.digest, self._known[layer.digest].whole if new is None else new.table is not None

    def _columns(self, digest: Digest, *, whole: bool) -> Columns:
        """Give what stands in a layer: out of the store, else out of the catalogue."""
        table = self._tables.find(digest) if whole else None
        if table is not None:
            return table.entries
        with self._connections.connect() as connection:
            return stored_columns(connection, digest)

    def _attempt(self, connection: duckdb.DuckDBPyConnection, batch: Sequence[OverlaidImage]) -> Written:
        try:
            with transaction(connection):
                written = {digest for (digest,) in _run(connection, _ARE_WRITTEN, digests=[*_images(batch)])}
                todo = [laid for laid in batch if laid.manifest_digest not in written]
                stale = self._insert(connection, todo)
        except duckdb.Error:
            check_stopped()
            if all(self._is_there(layer) for laid in batch for layer in laid.new.values()):
                raise
            raise OutdatedError from None
        return Written(set(_images(todo)), stale)

    def _is_there(self, layer: LayerRows) -> bool:
        return layer.table is None or self._tables.sealed(layer.digest) == layer.table

    def _insert(self, connection: duckdb.DuckDBPyConnection, batch: Sequence[OverlaidImage]) -> set[Digest]:
        moment = datetime.now(UTC)
        new = {digest: rows for laid in batch for digest, rows in laid.new.items()}
        absent, outdated = self._compare(connection, {digest for laid in batch for digest in laid.digests}, new)
        stale: set[Digest] = set()
        if outdated:
            _run(connection, _DELETE_FILES, digests=outdated)
            stale = {Digest(digest) for (digest,) in _run(connection, _MAKE_STALE, digests=outdated)}
            _run(connection, _DELETE_OVERLAY, digests=[*stale])
        if absent or outdated:
            fresh = [new[digest] for digest in [*absent, *outdated]]
            insert_files(connection, fresh)
            note_read(connection, fresh, moment)
        insert_overlay(connection, {laid.manifest_digest: laid.found for laid in batch})
        distributions = [laid.distribution for laid in batch]
        _run(connection, _NOTE, digests=[*_images(batch)], distributions=distributions, moment=moment)
        return stale

    def _compare(
        self, connection: duckdb.DuckDBPyConnection, digests: Collection[Digest], new: dict[Digest, LayerRows]
    ) -> tuple[list[Digest], list[Digest]]:
        """Say which layers the catalogue lacks, and which it has by a table of contents and can have as a whole."""
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


def _images(batch: Iterable[OverlaidImage]) -> Iterator[Digest]:
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
