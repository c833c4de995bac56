"""Sightings: what tags pointed at when they were last observed."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from ocinb.catalog.connection import script
from ocinb.catalog.rows import TABLES, Row

# Registry, repository and tag, as `place_of` gives them.
Key = tuple[str | None, str, str]


def key_of(place: Row) -> Key:
    """Give that by which the place of a tag is told apart."""
    return place["registry"], place["repository"], place["tag"]


def last_seen(connection: duckdb.DuckDBPyConnection, places: Iterable[Row]) -> dict[Key, str | None]:
    """Give what each tag pointed at when it was last observed, None if it was gone; none that never was observed."""
    connection.register("asked_tags", TABLES["observations"].frame(places))
    try:
        rows = connection.execute(script("queries/last_seen.sql")).fetchall()
    finally:
        connection.unregister("asked_tags")
    return {(registry, repository, tag): digest for registry, repository, tag, digest in rows}
