"""Shelf: where the images of one call are laid and written, one after the other, with what is known of layers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ocinb._pool import check_stopped, woken_by
from ocinb.archive.entries import Columns
from ocinb.catalog.connection import Connections, transaction, translated
from ocinb.catalog.distributions import Distributions
from ocinb.catalog.entries import insert_files, insert_overlay, note_read, stored_columns
from ocinb.catalog.known import KnownLayer, known_layers
from ocinb.catalog.pen import Pen
from ocinb.frames.reading import LayerContents
from ocinb.indexing import Layer
from ocinb.rootfs.stacks import Exceptions, Stacks
from ocinb.spec.digest import Digest
from ocinb.storage.layout import Layout
from ocinb.storage.tables import Tables

# Of a layer, and whether all of it was read: by its table of contents alone it may have other entries.
_Key = tuple[Digest, bool]

_IS_WRITTEN = "SELECT 1 FROM manifests WHERE manifest_digest = $digest AND indexed_at IS NOT NULL"
_NOTE = "UPDATE manifests SET indexed_at = $moment WHERE manifest_digest = $digest"
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
    """What was known of layers is not so any more: another process wrote some. Whoever reads once more knows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An image that is to be laid and written.

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

    @property
    def digests(self) -> set[Digest]:
        """The distinct layers."""
        return {layer.digest for layer in self.layers}


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

    Attributes
    ----------
    known
        The layers whose files stand in the catalogue, as far as they were asked for.
    pen
        Writes; whoever closes it gives the file up.
    """

    def __init__(self, connections: Connections, store: Layout, distributions: Distributions) -> None:
        self.known: dict[Digest, KnownLayer] = {}
        self.pen = Pen(connections)
        self._connections = connections
        self._tables = Tables(store.root)
        self._distributions = distributions
        self._stacks = Stacks()

    def find(self, layer: Layer) -> KnownLayer | None:
        """Find a layer whose files stand in the catalogue, and speak for the image that has it."""
        known = self.known.get(layer.digest)
        return known if known is not None and known.speaks_for(layer) else None

    def write(self, plan: Plan) -> None:
        """Lay an image and write it, wholly or not at all.

        Raises
        ------
        OutdatedError
            If another process changed what is known of its layers.
        InvalidError
            If it cannot be laid, or the catalogue does not take it.
        TransportError
            If the catalogue cannot be written, or another process holds it.
        """
        found = self._lay(plan)
        check_stopped()
        with (
            self.pen.turn() as connection,
            translated(f"the catalogue does not take {plan.manifest_digest}"),
            woken_by(connection.interrupt),
        ):
            self._attempt(connection, plan, found)
        for digest, contents in plan.new.items():
            self.known[digest] = _known(contents)

    def _lay(self, plan: Plan) -> Exceptions:
        def read(number: int) -> Columns:
            digest, whole = keys[number]
            contents = plan.new.get(digest)
            return self._columns(digest, whole=whole) if contents is None else contents.entries

        keys = [self._key(plan, layer) for layer in plan.layers]
        return self._stacks.lay(keys, read)

    def _key(self, plan: Plan, layer: Layer) -> _Key:
        new = plan.new.get(layer.digest)
        return layer.digest, self.known[layer.digest].whole if new is None else new.table is not None

    def _columns(self, digest: Digest, *, whole: bool, within: duckdb.DuckDBPyConnection | None = None) -> Columns:
        """Give what stands in a layer: out of the store, else out of the catalogue."""
        table = self._tables.find(digest) if whole else None
        if table is not None:
            return table.entries
        if within is not None:
            return stored_columns(within, digest)
        with self._connections.connect() as connection:
            return stored_columns(connection, digest)

    def _attempt(self, connection: duckdb.DuckDBPyConnection, plan: Plan, found: Exceptions) -> None:
        """Write an image; where tables go from the store meanwhile, without them."""
        files = self._sealed(plan)
        while True:
            try:
                with transaction(connection):
                    self._insert(connection, plan, found, files)
            except duckdb.Error:
                check_stopped()
                before, files = files, self._sealed(plan)
                if files == before:
                    raise
            else:
                return

    def _sealed(self, plan: Plan) -> dict[Digest, Path | None]:
        return {
            digest: self._tables.sealed(digest) if contents.table else None for digest, contents in plan.new.items()
        }

    def _insert(
        self, connection: duckdb.DuckDBPyConnection, plan: Plan, found: Exceptions, files: dict[Digest, Path | None]
    ) -> None:
        if connection.execute(_IS_WRITTEN, {"digest": str(plan.manifest_digest)}).fetchall():
            return  # another process did
        absent, outdated = self._compare(plan, known_layers(connection, plan.digests))
        if outdated:
            _run(connection, _TAKE_OUT, digests=outdated)
        new, moment = [plan.new[digest] for digest in [*absent, *outdated]], datetime.now(UTC)
        if new:
            insert_files(connection, new, [files[layer.descriptor.digest] for layer in new])
            note_read(connection, new, moment)
        insert_overlay(connection, plan.manifest_digest, found)
        if outdated:
            self._lay_anew(connection, outdated)
        self._distributions.note(connection, plan.manifest_digest)
        _run(connection, _NOTE, digest=plan.manifest_digest, moment=moment)

    def _compare(self, plan: Plan, there: dict[Digest, KnownLayer]) -> tuple[list[Digest], list[Digest]]:
        """Say which layers the catalogue lacks, and which it has by a table of contents and can have as a whole.

        Raises
        ------
        OutdatedError
            If it has others than those that the image was laid with.
        """
        absent, by_table = [], []
        for digest in sorted(plan.digests):
            new, has, had = plan.new.get(digest), there.get(digest), self.known.get(digest)
            if new is not None and has is None:
                absent.append(digest)
            elif new is not None and new.table is not None and has is not None:
                by_table.extend([] if has.whole else [digest])
            elif new is not None or has is None or had is None or not has.same_as(had):
                self._learn(plan, there)
                raise OutdatedError
        return absent, by_table

    def _learn(self, plan: Plan, there: dict[Digest, KnownLayer]) -> None:
        for digest in plan.digests:
            self.known.pop(digest, None)
        self.known.update(there)

    def _lay_anew(self, connection: duckdb.DuckDBPyConnection, digests: Collection[Digest]) -> None:
        """Lay the other images that have some layers, now that more is known of these."""
        for (manifest,) in _run(connection, _LAID_WITH, digests=digests):
            keys = [(Digest(digest), whole) for digest, whole in _run(connection, _STACKED, digest=manifest)]
            found = self._stacks.lay(keys, lambda number, keys=keys: self._within(connection, keys[number]))  # type: ignore[misc]
            _run(connection, _LIFT, digest=manifest)
            insert_overlay(connection, manifest, found)

    def _within(self, connection: duckdb.DuckDBPyConnection, key: _Key) -> Columns:
        digest, whole = key
        return self._columns(digest, whole=whole, within=connection)


def _run(connection: duckdb.DuckDBPyConnection, query: str, **values: object) -> list[tuple[Any, ...]]:
    plain = {name: _plain(value) for name, value in values.items()}
    return connection.execute(query, plain).fetchall()


def _plain(value: object) -> object:
    """Give digests as the plain texts that they are."""
    if isinstance(value, str):
        return str(value)
    return list(map(str, value)) if isinstance(value, list) else value


def _known(layer: LayerContents) -> KnownLayer:
    descriptor, table = layer.descriptor, layer.table
    size = descriptor.known_size
    if table is None:
        return KnownLayer(descriptor.digest, size, None, None, descriptor)
    return KnownLayer(descriptor.digest, size, table.tar_bytes, table.diff_id)
