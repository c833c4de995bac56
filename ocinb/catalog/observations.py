"""Observing: what tags point at now, asked by a HEAD for each, and what they pointed at before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from ocinb.catalog import schemas
from ocinb.catalog.connection import script
from ocinb.catalog.document_rows import TABLES, Row, Rows, add_failure, insert_all, place_of
from ocinb.errors import InvalidError, NotFoundError
from ocinb.frames.batch import Failure, complete, run_batch, with_failures
from ocinb.sources.session import Session, open_source
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    import pandas as pd


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


@dataclass(frozen=True, slots=True)
class Seen:
    """What a tag points at: a digest, or nothing, with the error that says so."""

    name: str
    place: Row
    digest: str | None
    observed_at: datetime
    error: NotFoundError | None = None

    @property
    def key(self) -> Key:
        """By what it is told apart."""
        return key_of(self.place)


def look_at(names: Sequence[str], session: Session) -> list[Seen | Failure]:
    """Ask what each tag points at, several at a time, whatever is known of it."""
    title = f"Observing {len(names):,} tags"
    return run_batch(names, lambda name: _look_at(name, session), errors="skip", session=session, title=title)


def note(connection: duckdb.DuckDBPyConnection, results: Sequence[Seen | Failure]) -> pd.DataFrame:
    """Write what was seen into the tables, all of it or nothing, and tell what has moved.

    A tag that is not there, and was never observed, is a failure: it is not known to be gone, but may be mistyped.
    """
    known = last_seen(connection, [result.place for result in results if isinstance(result, Seen)])
    judged = [_judged(result, known) for result in results]
    seen = [result for result in judged if isinstance(result, Seen)]
    failures = [result for result in judged if isinstance(result, Failure)]
    rows = Rows()
    for one in seen:
        rows.add("observations", **one.place, digest=one.digest, observed_at=one.observed_at)
    for failure in failures:
        add_failure(rows, failure, "observe")
    insert_all(connection, rows)
    frame = schemas.OBSERVED.frame(
        {
            "reference": one.name,
            "digest": one.digest,
            "previous_digest": known.get(one.key),
            "moved": one.digest != known[one.key] if one.key in known else None,
        }
        for one in seen
    )
    return with_failures(frame, failures)


def _look_at(name: str, session: Session) -> Seen:
    reference = Reference(name)
    if reference.digest is not None:
        raise InvalidError(f"{name} names a digest, which never moves", hint="observe takes tags")
    place = place_of(reference)
    try:
        digest = open_source(reference, session=session).head(reference.wanted, afresh=True)
    except NotFoundError as error:
        return Seen(name, place, None, datetime.now(UTC), error)
    return Seen(name, place, str(digest), datetime.now(UTC))


def _judged(result: Seen | Failure, known: dict[Key, str | None]) -> Seen | Failure:
    if isinstance(result, Failure) or result.error is None or result.key in known:
        return result
    complete(result.error, result.name)
    return Failure(result.name, result.error)
