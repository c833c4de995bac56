"""Loading: what was read of images into the tables, each name wholly or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from ocinb._text import printable
from ocinb.catalog.connection import translated
from ocinb.catalog.rows import TABLES, Row, Rows, place_of, rows_of
from ocinb.errors import InvalidError, NotFoundError, OcinbError
from ocinb.frames.collecting import Failure
from ocinb.frames.opening import open_name
from ocinb.frames.rows import image_kind
from ocinb.network.exchange import Exchange, observed_by
from ocinb.sources.images import Wanted
from ocinb.sources.session import Session
from ocinb.spec.reference import Reference

# What makes two rows of a table the same row.
KEYS = {
    "manifests": ("manifest_digest",),
    "index_entries": ("index_digest", "position"),
    "configs": ("config_digest",),
    "manifest_layers": ("manifest_digest", "layer"),
    "history": ("manifest_digest", "position"),
    "layers": ("layer_digest",),
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
}
# Docker's schema 1 names layers without their sizes, which another image may say later.
COMPLETE_LAYERS = """
    UPDATE layers
    SET media_type = fresh.media_type, compression = fresh.compression, compressed_bytes = fresh.compressed_bytes,
        diff_id = coalesce(layers.diff_id, fresh.diff_id)
    FROM fresh
    WHERE layers.layer_digest = fresh.layer_digest
    AND layers.compressed_bytes IS NULL AND fresh.compressed_bytes IS NOT NULL
"""


class GoneError(NotFoundError):
    """Nothing has the name any more, or ever had."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was learned about one name."""

    name: str
    digest: str
    images: int
    fetched_bytes: int
    rows: Rows


def find(name: str, session: Session, wanted: Wanted) -> Found:
    """Read all documents behind a name.

    Raises
    ------
    GoneError
        If nothing has that name. That it lacks a platform is a plain NotFoundError.
    """
    exchanges: list[Exchange] = []
    with observed_by(exchanges.append):
        try:
            opened = open_name(name, session)
        except NotFoundError as error:
            raise GoneError(error.message, reference=error.reference, url=error.url, hint=error.hint) from None
        images = opened.images(wanted)
    return Found(
        name=name,
        digest=opened.resolved.document.digest,
        images=sum(image_kind(image) == "image" for image in images),
        fetched_bytes=sum(exchange.transferred_bytes for exchange in exchanges),
        rows=rows_of(opened.reference, opened.resolved, images),
    )


def load(connection: duckdb.DuckDBPyConnection, result: Found | Failure) -> Row:
    """Write what was learned about one name, and tell what became of it."""
    if isinstance(result, Failure):
        if isinstance(result.error, GoneError):
            _note_gone(connection, Reference(result.reference))
        return _fail(connection, str(result.reference), result.error)
    try:
        with translated(f"the catalogue does not take {result.name}"):
            new = _insert_all(connection, result.rows)
    except InvalidError as error:  # of this name only; that the file cannot be written is the end of all
        return _fail(connection, result.name, error)
    return {
        "reference": result.name,
        "digest": result.digest,
        "outcome": "added" if new else "present",
        "images": result.images,
        "fetched_bytes": result.fetched_bytes,
    }


def _note_gone(connection: duckdb.DuckDBPyConnection, reference: Reference) -> None:
    """Note that a tag points at nothing now, if it did when it was last seen."""
    place = place_of(reference)
    last = connection.execute(
        "SELECT digest FROM observations WHERE registry IS NOT DISTINCT FROM $registry AND repository = $repository "
        "AND tag = $tag ORDER BY observed_at DESC LIMIT 1",
        place,
    ).fetchall()
    if reference.digest is None and last and last[0] != (None,):
        gone = Rows()
        gone.add("observations", **place, observed_at=datetime.now(UTC))
        _insert_all(connection, gone)


def _fail(connection: duckdb.DuckDBPyConnection, name: str, error: OcinbError) -> Row:
    told, failed = printable(str(error)), Rows()
    failed.add("failures", reference=name, stage="metadata", error=told, failed_at=datetime.now(UTC))
    _insert_all(connection, failed)
    return {"reference": name, "outcome": "failed", "error": told}


def _insert_all(connection: duckdb.DuckDBPyConnection, rows: Rows) -> int:
    """Insert rows in one transaction, and say how many were new, observations aside."""
    connection.begin()
    try:
        new = {table: _insert(connection, table, listed) for table, listed in rows.tables.items()}
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return sum(count for table, count in new.items() if table in KEYS)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> int:
    keys = KEYS.get(table)
    if table == "layers":  # of two rows about one, that which knows its size stands last, and so for both
        rows = sorted(rows, key=lambda row: row["compressed_bytes"] is not None)
    distinct = list({tuple(row[key] for key in keys): row for row in rows}.values()) if keys else rows
    casts = "".join(f', "{column}"::JSON::{kind} AS "{column}"' for column, kind in CASTS.get(table, {}).items())
    left_out = f"EXCLUDE ({', '.join(CASTS[table])})" if casts else ""
    unknown = f"ANTI JOIN {table} USING ({', '.join(keys)})" if keys else ""
    connection.register("fresh", TABLES[table].frame(distinct))
    try:
        # Only names out of this file become SQL; every value travels in the frame.
        query = f"INSERT INTO {table} BY NAME SELECT * {left_out}{casts} FROM fresh {unknown}"  # noqa: S608
        inserted: int = connection.execute(query).fetchall()[0][0]
        if table == "layers":
            connection.execute(COMPLETE_LAYERS)
    finally:
        connection.unregister("fresh")
    return inserted
