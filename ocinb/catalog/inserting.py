"""Inserting: rows into the tables, each once, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from ocinb.catalog.connection import script, transaction
from ocinb.catalog.rows import TABLES, Row, Rows

# What makes two rows of a table the same row.
KEYS = {
    "observations": ("registry", "repository", "tag", "digest"),  # as far as one insertion goes
    "manifests": ("manifest_digest",),
    "index_entries": ("index_digest", "position"),
    "configs": ("config_digest",),
    "manifest_layers": ("manifest_digest", "layer"),
    "history": ("manifest_digest", "position"),
    "layers": ("layer_digest",),
    "referrers": ("registry", "repository", "subject", "referrer_digest"),
}
# Columns that travel as JSON.
CASTS = {
    "index_entries": {"annotations": "MAP(VARCHAR, VARCHAR)"},
    "configs": {
        "entrypoint": "VARCHAR[]",
        "cmd": "VARCHAR[]",
        "env": "MAP(VARCHAR, VARCHAR)",
        "labels": "MAP(VARCHAR, VARCHAR)",
    },
    "referrers": {"annotations": "MAP(VARCHAR, VARCHAR)"},
}
# Docker's schema 1 names layers without their sizes, which another image may say later.
COMPLETE_LAYERS = """
    UPDATE layers
    SET media_type = fresh.media_type, compression = fresh.compression, compressed_bytes = fresh.compressed_bytes,
        diff_id = coalesce(layers.diff_id, fresh.diff_id)
    FROM fresh_layers AS fresh
    WHERE layers.layer_digest = fresh.layer_digest
    AND layers.compressed_bytes IS NULL AND fresh.compressed_bytes IS NOT NULL
"""


def insert_all(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    """Insert what is not there yet, in one transaction."""
    frames = {table: TABLES[table].frame(_distinct(table, listed)) for table, listed in rows.tables.items()}
    for table, frame in frames.items():
        connection.register(f"fresh_{table}", frame)
    try:
        with transaction(connection):
            for table in frames:
                _insert(connection, table)
    finally:  # not within the transaction: in one that failed nothing can be done, and that would be told, not why
        for table in frames:
            connection.unregister(f"fresh_{table}")


def _insert(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    # Only names out of this file become SQL; every value travels in the frames.
    connection.execute(f"INSERT INTO {table} BY NAME {_unknown(table)}")
    if table == "layers":
        connection.execute(COMPLETE_LAYERS)


def _distinct(table: str, rows: Sequence[Row]) -> Sequence[Row]:
    """Give each row once, as the first says it; of a layer as the first that knows its size."""
    if table not in KEYS:
        return rows
    if table == "layers":
        rows = sorted(rows, key=lambda row: row["compressed_bytes"] is None)
    distinct: dict[tuple[object, ...], Row] = {}
    for row in rows:
        distinct.setdefault(tuple(row[key] for key in KEYS[table]), row)
    return list(distinct.values())


def _unknown(table: str) -> str:
    """Ask for those rows that the table does not have."""
    if table == "observations":
        return script("queries/new_observations.sql")
    casts = CASTS.get(table, {})
    replaced = ", ".join(f'"{column}"::JSON::{kind} AS "{column}"' for column, kind in casts.items())
    columns = f"* REPLACE ({replaced})" if casts else "*"
    same = " AND ".join(f"fresh.{key} IS NOT DISTINCT FROM kept.{key}" for key in KEYS.get(table, ()))
    return f"SELECT {columns} FROM fresh_{table} AS fresh {f'ANTI JOIN {table} AS kept ON {same}' if same else ''}"  # noqa: S608 - as above
