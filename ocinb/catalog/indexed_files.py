"""Entries: what stands in layers, between the store, the catalogue's own tables and what lays images."""

from __future__ import annotations

import glob
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final

import duckdb

from ocinb.archive.entries import Columns
from ocinb.catalog.document_rows import TABLES
from ocinb.errors import OcinbError
from ocinb.frames.layer_reader import LayerContents
from ocinb.layer_index import Layer, check_diff_id
from ocinb.rootfs.shared_overlay import Exceptions
from ocinb.rootfs.toc_discovery import promise_in
from ocinb.rootfs.whiteouts import stored_files
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, parse_manifest
from ocinb.storage.layer_tables import Table, columns_of

# DuckDB keeps rows in groups of so many. A transaction that fills one puts it into the file at once, compressed, and
# nothing into the log beside it; what is left over begins a group of its own, which should be no small one.
GROUP_ROWS: Final = 122_880

# A table of the store is called by the digest of its layer.
_FROM_STORE = """
    INSERT INTO files BY NAME
    SELECT $algorithm || ':' || parse_filename(filename, true) AS layer_digest, position, path, type, size_bytes, mode,
        uid, gid, make_timestamptz(mtime) AS mtime, link_target, lower(hex(sha256)) AS sha256
    FROM read_parquet($files, filename = true)
"""
_FROM_FRAME = "INSERT INTO files BY NAME FROM fresh"
_OVERLAY = "INSERT INTO overlay BY NAME FROM fresh"
# What a manifest says of a blob may be wrong; of one that was read it is known.
_READ = """
    WITH fresh AS (
        SELECT unnest($digests::VARCHAR[]) AS layer_digest, unnest($sizes::BIGINT[]) AS compressed_bytes,
            unnest($tar_bytes::BIGINT[]) AS tar_bytes, unnest($diff_ids::VARCHAR[]) AS diff_id,
            unnest($files::BIGINT[]) AS files
    )
    UPDATE layers
    SET compressed_bytes = coalesce(fresh.compressed_bytes, layers.compressed_bytes), tar_bytes = fresh.tar_bytes,
        diff_id = coalesce(fresh.diff_id, layers.diff_id), files = fresh.files, indexed_at = $moment
    FROM fresh
    WHERE layers.layer_digest = fresh.layer_digest
"""
_COLUMNS = """
    SELECT position, path, type, size_bytes, mode, uid, gid, epoch_us(mtime) AS mtime, link_target,
        unhex(sha256) AS sha256, NULL::BIGINT AS "offset"
    FROM files
    WHERE layer_digest = $digest
    ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class LayerRows:
    """What a layer that was read puts into the tables.

    Attributes
    ----------
    digest
        Of the layer.
    compressed_bytes, tar_bytes, diff_id
        What is known of it; None if it was read by its table of contents alone.
    files
        How many regular files it stores.
    count
        How many rows it has.
    table
        Its table in the store, which DuckDB reads by itself; None if there is none.
    entries
        What stands in it, if there is no table; nothing else.
    """

    digest: Digest
    compressed_bytes: int | None
    tar_bytes: int | None
    diff_id: str | None
    files: int
    count: int
    table: Path | None
    entries: Columns

    @classmethod
    def of(cls, layer: LayerContents, *, by_table: bool) -> LayerRows:
        """Make them of what was read; by its table, if that is wanted and kept."""
        known, entries = layer.table, layer.entries
        table = known.file if known and by_table else None
        return cls(
            digest=layer.descriptor.digest,
            compressed_bytes=layer.descriptor.known_size if known else None,
            tar_bytes=known.tar_bytes if known else None,
            diff_id=str(known.diff_id) if known else None,
            files=sum(1 for _ in stored_files(entries)),
            count=len(entries),
            table=table,
            entries=Columns() if table else entries,
        )


def fills_groups(rows: int) -> bool:
    """Say whether so many rows are best written in one transaction.

    >>> [fills_groups(rows) for rows in (100_000, 130_000, 200_000)]
    [False, False, True]
    """
    return rows >= GROUP_ROWS and rows % GROUP_ROWS >= GROUP_ROWS // 2


def insert_files(connection: duckdb.DuckDBPyConnection, layers: Sequence[LayerRows]) -> None:
    """Insert what stands in layers, none of which stands in the table yet, in a transaction."""
    from_store: dict[str, list[str]] = {}
    for layer in layers:
        if layer.table is None:
            _insert_columns(connection, layer)
        else:
            from_store.setdefault(layer.digest.algorithm, []).append(glob.escape(str(layer.table)))
    for algorithm, paths in from_store.items():
        connection.execute(_FROM_STORE, {"algorithm": algorithm, "files": paths})


def _insert_columns(connection: duckdb.DuckDBPyConnection, layer: LayerRows) -> None:
    entries, schema = layer.entries, TABLES["files"]
    columns: dict[str, Any] = {
        column.name: getattr(entries, column.name) for column in schema.columns if column.name != "layer_digest"
    }
    columns["sha256"] = [digest and digest.hex() for digest in entries.sha256]
    _insert(connection, _FROM_FRAME, schema.frame_of(columns, same={"layer_digest": layer.digest}))


def note_read(connection: duckdb.DuckDBPyConnection, layers: Sequence[LayerRows], moment: datetime) -> None:
    """Note of layers what is known now that they were read."""
    values = {
        "digests": [str(layer.digest) for layer in layers],
        "sizes": [layer.compressed_bytes for layer in layers],
        "tar_bytes": [layer.tar_bytes for layer in layers],
        "diff_ids": [layer.diff_id for layer in layers],
        "files": [layer.files for layer in layers],
        "moment": moment,
    }
    connection.execute(_READ, values)


def insert_overlay(connection: duckdb.DuckDBPyConnection, found: Mapping[Digest, Exceptions]) -> None:
    """Insert what became of the entries of images, by their digests."""
    names = [column.name for column in TABLES["overlay"].columns if column.name != "manifest_digest"]
    columns: dict[str, list[Any]] = {
        name: list(chain.from_iterable(getattr(one, name) for one in found.values())) for name in names
    }
    columns["manifest_digest"] = [digest for digest, one in found.items() for _ in one.layer]
    if columns["layer"]:
        _insert(connection, _OVERLAY, TABLES["overlay"].frame_of(columns, same={}))


def stored_columns(connection: duckdb.DuckDBPyConnection, digest: str) -> Columns:
    """Give what stands in a layer, out of the catalogue's own table."""
    return columns_of(connection.execute(_COLUMNS, {"digest": digest}).fetchnumpy())


def _insert(connection: duckdb.DuckDBPyConnection, query: str, frame: Any) -> None:
    connection.register("fresh", frame)
    try:
        connection.execute(query)
    finally:
        connection.unregister("fresh")


_KNOWN = """
    SELECT layer_digest, compressed_bytes, tar_bytes, diff_id
    FROM layers
    WHERE indexed_at IS NOT NULL AND layer_digest IN (SELECT unnest($digests::VARCHAR[]))
"""
# An image for which a layer was read by its table of contents.
_PROMISING = """
    SELECT layer_digest, arg_min((raw, media_type), manifest_digest) AS one, one[1], one[2]
    FROM manifest_layers
    JOIN manifests USING (manifest_digest)
    WHERE indexed_at IS NOT NULL AND layer_digest IN (SELECT unnest($digests::VARCHAR[]))
    GROUP BY layer_digest
"""


@dataclass(frozen=True, slots=True)
class KnownLayer:
    """A layer whose files stand in the catalogue.

    Attributes
    ----------
    digest
        Which it is.
    compressed_bytes
        How long its blob is.
    tar_bytes, diff_id
        Of its tar; tar_bytes None if it was read by its table of contents alone.
    descriptor
        What an image says of it for which it was read by that table.
    """

    digest: Digest
    compressed_bytes: int | None
    tar_bytes: int | None
    diff_id: str | None
    descriptor: Descriptor | None = None

    @property
    def whole(self) -> bool:
        """Whether all of it was read, so that its files are what its digest says, whoever asks."""
        return self.tar_bytes is not None

    def speaks_for(self, layer: Layer) -> bool:
        """Say whether its files may be shown for an image.

        By its table of contents alone only if the manifest of that image promises the same one. As a whole if it can be
        compared with what the config of that image says.
        """
        wanted = layer.descriptor
        if not self.whole:
            return _promises_same(self.descriptor, wanted)
        if wanted.known_size not in {None, self.compressed_bytes} or self.diff_id is None:
            return False
        return layer.diff_id is None or _algorithm(layer.diff_id) == _algorithm(self.diff_id)

    def same_as(self, other: KnownLayer) -> bool:
        """Say whether the files of two are the same: by tables of contents alone only if these are one."""
        if self.whole or other.whole:
            return self.whole and other.whole
        return _promises_same(self.descriptor, other.descriptor)

    def check(self, layer: Layer) -> None:
        """Refuse an image whose config promises another tar."""
        if self.tar_bytes is not None and self.diff_id is not None:
            check_diff_id(layer, Table(self.digest, self.diff_id, self.tar_bytes, Columns()))


def known_layers(connection: duckdb.DuckDBPyConnection, digests: Collection[str]) -> dict[Digest, KnownLayer]:
    """Find those of some layers whose files stand in the catalogue."""
    rows = connection.execute(_KNOWN, {"digests": list(map(str, digests))}).fetchall()
    found = {layer.digest: layer for layer in (KnownLayer(Digest(row[0]), *row[1:]) for row in rows)}
    by_table = [str(layer.digest) for layer in found.values() if not layer.whole]
    if by_table:
        for digest, _, raw, media_type in connection.execute(_PROMISING, {"digests": by_table}).fetchall():
            found[digest] = replace(found[digest], descriptor=_descriptor(digest, raw, media_type))
    return found


def _promises_same(one: Descriptor | None, other: Descriptor | None) -> bool:
    if one is None or other is None:
        return False
    return one.size == other.size and promise_in(one) == promise_in(other)


def _descriptor(digest: str, raw: str, media_type: str) -> Descriptor | None:
    try:
        layers = parse_manifest(raw.encode(), media_type, "a manifest of the catalogue").layers
    except OcinbError:  # somebody else wrote it; then nobody believes what was read by it
        return None
    return next((layer for layer in layers if layer.digest == digest), None)


def _algorithm(digest: str) -> str:
    return digest.partition(":")[0]
