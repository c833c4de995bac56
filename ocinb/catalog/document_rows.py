"""Rows: the documents behind one name as the rows of the catalogue's tables, without any I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from ocinb._schemas import FLAG, NUMBER, TEXT, TIME, Column, Schema
from ocinb._text import printable
from ocinb.catalog.connection import script, transaction
from ocinb.frames.batch import Failure
from ocinb.frames.document_rows import child_row, config_rows, history_rows, image_kind, layer_rows
from ocinb.sources.base import Referrer
from ocinb.sources.images import Image, Resolved
from ocinb.sources.name_lookup import absolute
from ocinb.spec.documents import Index, Manifest, RawDocument, parse_index
from ocinb.spec.reference import Reference

Row = dict[str, Any]


_DTYPES = {"VARCHAR": TEXT, "BIGINT": NUMBER, "TIMESTAMPTZ": TIME, "BOOLEAN": FLAG}
_TABLE = re.compile(r"^CREATE TABLE (\w+) \((.*?)\);", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r'(?:^|,)\s*"?(\w+)"? ([A-Z]+(?:\([^)]*\)|\[\])?)')
# The columns of each table and their types in DuckDB.
TYPES = {table: dict(_COLUMN.findall(columns)) for table, columns in _TABLE.findall(script("schema.sql"))}
# How the rows travel to DuckDB: lists and mappings as JSON, which `CASTS` turns back into the types of the tables.
TABLES = {
    table: Schema(table, table, tuple(Column(name, _DTYPES.get(kind, TEXT), "") for name, kind in columns.items()))
    for table, columns in TYPES.items()
}
CASTS = {
    table: {name: kind for name, kind in columns.items() if kind not in _DTYPES} for table, columns in TYPES.items()
}


@dataclass(slots=True)
class Rows:
    """Rows by table."""

    tables: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        """Add a row; what the table has no column for is left out."""
        columns = TABLES[table].columns
        self.tables.setdefault(table, []).append({column.name: _stored(row.get(column.name)) for column in columns})

    def extend(self, other: Rows, tables: Collection[str] = TABLES.keys()) -> None:
        """Add the rows of another, or those of some of its tables."""
        for table, rows in other.tables.items():
            if table in tables:
                self.tables.setdefault(table, []).extend(rows)


def rows_of(reference: Reference, resolved: Resolved, images: list[Image]) -> Rows:
    """Make the rows of all that stands behind a name."""
    rows = Rows()
    place = place_of(reference) | ({"tag": None} if reference.digest else {})
    said_at = None if reference.digest else resolved.said_at
    rows.add("observations", **place, digest=resolved.document.digest, observed_at=said_at)
    for document in resolved.indexes:
        _add_index(rows, document)
    for entry in map(child_row, resolved.children):
        rows.add("index_entries", manifest_digest=entry["digest"], **entry)
    for image in images:
        _add_image(rows, image)
    return rows


def add_referrers(rows: Rows, reference: Reference, found: Iterable[Referrer]) -> None:
    """Add the rows of what refers to what stands behind a name."""
    place = place_of(reference)
    for referrer in found:
        descriptor = referrer.descriptor
        rows.add(
            "referrers",
            registry=place["registry"],
            repository=place["repository"],
            subject=referrer.subject,
            referrer_digest=descriptor.digest,
            media_type=descriptor.media_type,
            artifact_type=descriptor.artifact_type,
            manifest_bytes=descriptor.known_size,
            annotations=descriptor.annotations,
            found_via=referrer.found_via,
        )


def add_failure(rows: Rows, failure: Failure, stage: str) -> None:
    """Add the row of what failed just now, and at what."""
    told = printable(str(failure.error))
    rows.add("failures", reference=failure.reference, stage=stage, error=told, failed_at=datetime.now(UTC))


def place_of(reference: Reference) -> Row:
    """Say under what a name is observed; a file is a repository without a registry, the name in it a tag, be it "".

    A file is told by its whole path, however it was typed and wherever the notebook stands.
    """
    if reference.registry is None:  # its path may be any bytes
        file = _storable(f"{reference.transport}:{absolute(reference.path or '')}")
        return {"registry": None, "repository": file, "tag": _storable(reference.name or "")}
    return {"registry": reference.registry, "repository": reference.repository, "tag": reference.tag}


def _add_index(rows: Rows, document: RawDocument) -> None:
    index = parse_index(document.raw, document.media_type, f"the index {document.digest}")
    _add_manifest(rows, document, index, kind="index")


def _add_image(rows: Rows, image: Image) -> None:
    manifest, document, config_digest = image.manifest, image.document, _config_digest(image)
    _add_manifest(rows, document, manifest, kind=image_kind(image), config_digest=config_digest)
    for row in config_rows(image):
        raw = image.config_document.raw.decode("utf-8") if image.config_document else None
        rows.add("configs", config_digest=config_digest, raw=raw, **row)
    for row in layer_rows(image):
        rows.add("manifest_layers", manifest_digest=document.digest, layer_digest=row["digest"], **row)
        rows.add("layers", layer_digest=row["digest"], **row)
    for row in history_rows(image):
        rows.add("history", manifest_digest=document.digest, **row)


def _add_manifest(
    rows: Rows, document: RawDocument, parsed: Index | Manifest, *, kind: str, config_digest: str | None = None
) -> None:
    rows.add(
        "manifests",
        manifest_digest=document.digest,
        media_type=document.media_type,
        artifact_type=parsed.artifact_type,
        kind=kind,
        config_digest=config_digest,
        subject=parsed.subject.digest if parsed.subject else None,
        manifest_bytes=len(document.raw),
        raw=document.raw.decode("utf-8"),
    )


def _config_digest(image: Image) -> str | None:
    """Give what a config is called here: of one that stands in its manifest the digest of its text."""
    if image.manifest.config is not None:
        return image.manifest.config.digest
    return image.config_document.digest if image.config_document else None


def _stored(value: Any) -> Any:
    """Give a value as the database takes it: lone surrogates as escapes, and lists and mappings as JSON."""
    if isinstance(value, dict):
        return json.dumps({_storable(key): _storable(text) for key, text in value.items()}, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return json.dumps([_storable(text) for text in value], ensure_ascii=False)
    return _storable(value) if isinstance(value, str) else value


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


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
    casts = CASTS[table]
    replaced = ", ".join(f'"{column}"::JSON::{kind} AS "{column}"' for column, kind in casts.items())
    columns = f"* REPLACE ({replaced})" if casts else "*"
    same = " AND ".join(f"fresh.{key} IS NOT DISTINCT FROM kept.{key}" for key in KEYS.get(table, ()))
    return f"SELECT {columns} FROM fresh_{table} AS fresh {f'ANTI JOIN {table} AS kept ON {same}' if same else ''}"  # noqa: S608 - as above
