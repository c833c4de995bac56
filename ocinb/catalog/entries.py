"""Entries: what stands in layers, between the store, the catalogue's own tables and what lays images."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from ocinb.archive.entries import Columns
from ocinb.catalog.rows import TABLES
from ocinb.frames.reading import LayerContents
from ocinb.rootfs.markers import stored_files
from ocinb.rootfs.stacks import Exceptions
from ocinb.storage.tables import columns_of

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


def insert_files(
    connection: duckdb.DuckDBPyConnection, layers: Sequence[LayerContents], files: Sequence[Path | None]
) -> None:
    """Insert what stands in layers.

    Parameters
    ----------
    connection
        In a transaction.
    layers
        The layers, none of which stands in the table yet.
    files
        For each its table in the store, which DuckDB reads by itself; None where there is none.
    """
    from_store: dict[str, list[str]] = {}
    for layer, file in zip(layers, files, strict=True):
        if file is None:
            _insert_columns(connection, layer)
        else:
            from_store.setdefault(layer.descriptor.digest.algorithm, []).append(glob.escape(str(file)))
    for algorithm, paths in from_store.items():
        connection.execute(_FROM_STORE, {"algorithm": algorithm, "files": paths})


def _insert_columns(connection: duckdb.DuckDBPyConnection, layer: LayerContents) -> None:
    entries, schema = layer.entries, TABLES["files"]
    columns: dict[str, Any] = {
        column.name: getattr(entries, column.name) for column in schema.columns if column.name != "layer_digest"
    }
    columns["sha256"] = [digest and digest.hex() for digest in entries.sha256]
    _insert(connection, _FROM_FRAME, schema.frame_of(columns, same={"layer_digest": layer.descriptor.digest}))


def note_read(connection: duckdb.DuckDBPyConnection, layers: Sequence[LayerContents], moment: datetime) -> None:
    """Note of layers what is known now that they were read."""
    tables = [layer.table for layer in layers]
    values = {
        "digests": [str(layer.descriptor.digest) for layer in layers],
        "sizes": [layer.descriptor.known_size if layer.table else None for layer in layers],
        "tar_bytes": [table.tar_bytes if table else None for table in tables],
        "diff_ids": [str(table.diff_id) if table else None for table in tables],
        "files": [sum(1 for _ in stored_files(layer.entries)) for layer in layers],
        "moment": moment,
    }
    connection.execute(_READ, values)


def insert_overlay(connection: duckdb.DuckDBPyConnection, manifest_digest: str, found: Exceptions) -> None:
    """Insert what became of the entries of an image."""
    columns = {
        column.name: getattr(found, column.name)
        for column in TABLES["overlay"].columns
        if column.name != "manifest_digest"
    }
    if found.layer:
        frame = TABLES["overlay"].frame_of(columns, same={"manifest_digest": manifest_digest})
        _insert(connection, _OVERLAY, frame)


def stored_columns(connection: duckdb.DuckDBPyConnection, digest: str) -> Columns:
    """Give what stands in a layer, out of the catalogue's own table."""
    return columns_of(connection.execute(_COLUMNS, {"digest": digest}).fetchnumpy())


def _insert(connection: duckdb.DuckDBPyConnection, query: str, frame: Any) -> None:
    connection.register("fresh", frame)
    try:
        connection.execute(query)
    finally:
        connection.unregister("fresh")
