"""Sightings: what tags pointed at when they were last observed, and what was added by its digest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from ocinb.catalog.connection import script
from ocinb.catalog.rows import TABLES, Row, place_of
from ocinb.spec.reference import Reference

# A digest has no history: it is there, or it does not count any more.
_FORGET = """
    DELETE FROM observations USING asked_digests AS gone
    WHERE observations.tag IS NULL AND observations.digest = gone.digest
    AND observations.registry IS NOT DISTINCT FROM gone.registry AND observations.repository = gone.repository
"""

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


def forget_digests(connection: duckdb.DuckDBPyConnection, names: Sequence[Reference]) -> None:
    """Let what was added by its digest, and is gone, count no longer; what a tag leads to counts by that."""
    if not names:
        return
    rows = [place_of(name) | {"tag": None, "digest": str(name.digest)} for name in names]
    connection.register("asked_digests", TABLES["observations"].frame(rows))
    try:
        connection.execute(_FORGET)
    finally:
        connection.unregister("asked_digests")
