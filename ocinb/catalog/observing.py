"""Observing: what tags point at now, asked by a HEAD for each, and what they pointed at before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from ocinb.catalog import schemas
from ocinb.catalog.inserting import insert_all
from ocinb.catalog.rows import Row, Rows, add_failure, place_of
from ocinb.catalog.sightings import Key, key_of, last_seen
from ocinb.errors import InvalidError, NotFoundError
from ocinb.frames.batch import Failure, complete, run_batch, with_failures
from ocinb.sources.session import Session, open_source
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    import pandas as pd


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
