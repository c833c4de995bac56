"""Loading: what was read of images into the tables, each name wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import get_args

import duckdb

from ocinb._text import printable
from ocinb.catalog.connection import transaction, translated
from ocinb.catalog.rows import TABLES, Row, Rows, add_referrers, place_of, rows_of
from ocinb.errors import InvalidError, NotFoundError, OcinbError
from ocinb.frames.collecting import Failure, complete
from ocinb.frames.opening import Opened, open_name
from ocinb.frames.rows import image_kind
from ocinb.network.exchange import Exchange, observed_by
from ocinb.sources.base import Referrer, Way
from ocinb.sources.images import Image, Wanted
from ocinb.sources.referrers import find_referrers
from ocinb.sources.session import Session
from ocinb.spec.reference import Reference

_WAYS = get_args(Way)
# What makes two rows of a table the same row.
KEYS = {
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
    FROM fresh
    WHERE layers.layer_digest = fresh.layer_digest
    AND layers.compressed_bytes IS NULL AND fresh.compressed_bytes IS NOT NULL
"""


class GoneError(NotFoundError):
    """Nothing has the name any more, or ever had."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was learned about one name."""

    opened: Opened
    images: Sequence[Image]
    fetched_bytes: int
    rows: Rows

    @property
    def name(self) -> str:
        """The name as it was typed."""
        return self.opened.name

    @property
    def digests(self) -> list[str]:
        """The manifests and indexes that were read."""
        return [row["manifest_digest"] for row in self.rows.tables["manifests"]]

    @property
    def with_files(self) -> list[Image]:
        """The images; artifacts and attestations have no files."""
        return [image for image in self.images if image_kind(image) == "image"]

    def row(self, outcome: str) -> Row:
        """Tell what became of the name."""
        return {
            "reference": self.name,
            "digest": self.opened.resolved.document.digest,
            "outcome": outcome,
            "images": len(self.with_files),
            "fetched_bytes": self.fetched_bytes,
        }


@contextmanager
def counting() -> Iterator[Callable[[], int]]:
    """Count, in this block, the bytes that come over the wire.

    Yields
    ------
    callable
        Says how many came so far.
    """
    exchanges: list[Exchange] = []
    with observed_by(exchanges.append):
        yield lambda: sum(exchange.transferred_bytes for exchange in exchanges)


def find(name: str, session: Session, wanted: Wanted) -> Found:
    """Read all documents behind a name.

    Raises
    ------
    GoneError
        If nothing has that name. That it lacks a platform is a plain NotFoundError.
    """
    with counting() as fetched:
        try:
            opened = open_name(name, session)
        except NotFoundError as error:
            raise GoneError(error.message, reference=error.reference, url=error.url, hint=error.hint) from None
        images = opened.images(wanted)
    return Found(opened, images, fetched(), rows_of(opened.reference, opened.resolved, images))


def with_referrers(found: Found) -> Found:
    """Find what refers to what a name points at and to its images; that nobody says it is no failure of the name."""
    opened, rows = found.opened, found.rows
    with counting() as fetched:
        try:
            add_referrers(rows, opened.reference, _referrers(opened, found.images))
        except OcinbError as error:
            complete(error, found.name)
            _add_failure(rows, found.name, error, "referrers")
    return replace(found, fetched_bytes=found.fetched_bytes + fetched())


def _referrers(opened: Opened, images: Sequence[Image]) -> list[Referrer]:
    named, settings = opened.resolved.document.digest, opened.session.settings
    found = find_referrers(opened.source, opened.resolved, None, settings)
    for image in images:
        if image.document.digest != named:
            found.extend(opened.source.referrers(image.descriptor))
    found.sort(key=lambda referrer: _WAYS.index(referrer.found_via), reverse=True)
    return list({(referrer.subject, referrer.descriptor.digest): referrer for referrer in found}.values())


def known_manifests(connection: duckdb.DuckDBPyConnection, digests: Collection[str]) -> dict[str, bool]:
    """Find those of some manifests and indexes that are in the catalogue, and say whether their files are."""
    query = (
        "SELECT manifest_digest, indexed_at IS NOT NULL FROM manifests "
        "WHERE manifest_digest IN (SELECT unnest($digests::VARCHAR[]))"
    )
    return dict(connection.execute(query, {"digests": list(map(str, digests))}).fetchall())


def note_seen(connection: duckdb.DuckDBPyConnection, found: Sequence[Found]) -> None:
    """Note what names point at of which all the rest is there."""
    seen = Rows()
    for one in found:
        seen.tables.setdefault("observations", []).extend(one.rows.tables["observations"])
    _insert_all(connection, seen)


def load_all(connection: duckdb.DuckDBPyConnection, results: Sequence[Found | Failure]) -> list[Row]:
    """Write what was learned about names of which something is new, and tell what became of each.

    Each is written wholly or not at all; all that have no document in common in one transaction, which takes hardly
    longer than one name does, unless the catalogue refuses one of them.
    """
    joined, together = Rows(), list(_without_common_documents(results))
    for _, found in together:
        for table, rows in found.rows.tables.items():
            joined.tables.setdefault(table, []).extend(rows)
    taken = len(together) > 1 and _takes(connection, joined)
    told = {number: found.row("added") for number, found in together} if taken else {}
    return [told.get(number) or load(connection, result) for number, result in enumerate(results)]


def _without_common_documents(results: Sequence[Found | Failure]) -> Iterator[tuple[int, Found]]:
    seen: set[str] = set()
    for number, result in enumerate(results):
        if isinstance(result, Found):
            if seen.isdisjoint(result.digests):
                yield number, result
            seen.update(result.digests)


def _takes(connection: duckdb.DuckDBPyConnection, rows: Rows) -> bool:
    try:
        with translated("the catalogue does not take all of the names"):
            _insert_all(connection, rows)
    except InvalidError:  # of one of them; which it is shows when each goes by itself
        return False
    return True


def load(connection: duckdb.DuckDBPyConnection, result: Found | Failure) -> Row:
    """Write what was learned about one name, and tell what became of it."""
    if isinstance(result, Failure):
        if isinstance(result.error, GoneError):
            _note_gone(connection, Reference(result.reference))
        return {"reference": str(result.reference), **fail(connection, str(result.reference), result.error, "metadata")}
    try:
        with translated(f"the catalogue does not take {result.name}"):
            new = _insert_all(connection, result.rows)
    except InvalidError as error:  # of this name only; that the file cannot be written is the end of all
        return {"reference": result.name, **fail(connection, result.name, error, "metadata")}
    return result.row("added" if new else "present")


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


def fail(connection: duckdb.DuckDBPyConnection, name: str, error: OcinbError, stage: str) -> Row:
    """Note that a name failed, and tell so."""
    failed = Rows()
    _add_failure(failed, name, error, stage)
    _insert_all(connection, failed)
    return {"outcome": "failed", "error": printable(str(error))}


def _add_failure(rows: Rows, name: str, error: OcinbError, stage: str) -> None:
    rows.add("failures", reference=name, stage=stage, error=printable(str(error)), failed_at=datetime.now(UTC))


def _insert_all(connection: duckdb.DuckDBPyConnection, rows: Rows) -> int:
    """Insert rows in one transaction, and say how many were new, observations aside."""
    with transaction(connection):
        new = {table: _insert(connection, table, listed) for table, listed in rows.tables.items()}
    return sum(count for table, count in new.items() if table in KEYS)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> int:
    keys = KEYS.get(table)
    if table == "layers":  # of two rows about one, that which knows its size stands last, and so for both
        rows = sorted(rows, key=lambda row: row["compressed_bytes"] is not None)
    distinct = list({tuple(row[key] for key in keys): row for row in rows}.values()) if keys else rows
    casts = "".join(f', "{column}"::JSON::{kind} AS "{column}"' for column, kind in CASTS.get(table, {}).items())
    left_out = f"EXCLUDE ({', '.join(CASTS[table])})" if casts else ""
    same = " AND ".join(f"fresh.{key} IS NOT DISTINCT FROM kept.{key}" for key in keys or ())
    unknown = f"ANTI JOIN {table} AS kept ON {same}" if keys else ""
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
