"""Loading: what stands behind names, read, and then into the tables, each name wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import get_args

import duckdb

from ocinb._text import printable
from ocinb.catalog.connection import translated
from ocinb.catalog.document_rows import Row, Rows, add_failure, add_referrers, insert_all, place_of, rows_of
from ocinb.catalog.observations import forget_digests, key_of, last_seen
from ocinb.errors import InvalidError, NotFoundError, OcinbError
from ocinb.frames.batch import CircuitBreaker, Failure, complete
from ocinb.frames.document_rows import image_kind
from ocinb.frames.resolve import ResolvedReference, resolve_reference
from ocinb.network.exchange import Exchange, observed_by
from ocinb.sources.base import Referrer, Tags, Way
from ocinb.sources.images import Image, Wanted
from ocinb.sources.referrers import find_referrers
from ocinb.sources.session import Session
from ocinb.spec.reference import Reference

_WAYS = get_args(Way)
# A repository, without a registry if it is a file, and what was seen there.
ObservationKey = tuple[str | None, str, str]


_KNOWN_SIZES = """
    SELECT layer_digest, compressed_bytes
    FROM layers
    WHERE compressed_bytes IS NOT NULL AND layer_digest IN (SELECT unnest($digests::VARCHAR[]))
"""


class GoneError(NotFoundError):
    """Nothing has the name any more, or ever had."""


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """What was learned about one name."""

    opened: ResolvedReference
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
    def layers(self) -> Sequence[Row]:
        """The rows of their layers."""
        return self.rows.tables.get("layers", ())

    @property
    def observation(self) -> ObservationKey:
        """What the name points at, and in which repository."""
        [seen] = self.rows.tables["observations"]
        return seen["registry"], seen["repository"], seen["digest"]

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
    """Count, in this block, the bytes that come over the wire."""
    exchanges: list[Exchange] = []
    with observed_by(exchanges.append):
        yield lambda: sum(exchange.transferred_bytes for exchange in exchanges)


def find(name: str, session: Session, wanted: Wanted) -> FetchedImage:
    """Read all documents behind a name."""
    with counting() as fetched:
        try:
            opened = resolve_reference(name, session)
        except NotFoundError as error:
            raise GoneError(error.message, reference=error.reference, url=error.url, hint=error.hint) from None
        images = opened.images(wanted)
    return FetchedImage(opened, images, fetched(), rows_of(opened.reference, opened.resolved, images))


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalogue has of some names.

    Attributes
    ----------
    indexed
        Those of the manifests and indexes that it has, and whether their files are there.
    sights
        What was seen in which repository.
    """

    indexed: dict[str, bool]
    observations: set[ObservationKey]

    def has(self, found: FetchedImage) -> bool:
        """Whether there is nothing to add, and it was seen in that repository."""
        return found.observation in self.observations and self.indexed.keys() >= set(found.digests)


def with_referrers(
    found: FetchedImage, unreached: CircuitBreaker, tags_of: Callable[[FetchedImage], Tags]
) -> FetchedImage:
    """Find what refers to what a name points at and to its images; that nobody says it is no failure of the name."""
    opened, rows = found.opened, found.rows
    with counting() as fetched:
        try:
            with unreached.heeded():
                add_referrers(rows, opened.reference, _referrers(opened, found.images, tags_of(found)))
        except OcinbError as error:
            unreached.note(found.name, error)
            complete(error, found.name)
            add_failure(rows, Failure(found.name, error), "referrers")
    return replace(found, fetched_bytes=found.fetched_bytes + fetched())


def _referrers(opened: ResolvedReference, images: Sequence[Image], tags: Tags) -> list[Referrer]:
    named, settings = opened.resolved.document.digest, opened.session.settings
    found = find_referrers(opened.source, opened.resolved, None, settings, tags=tags)
    for image in images:
        if image.document.digest != named:
            found.extend(opened.source.referrers(image.descriptor, tags=tags))
    found.sort(key=lambda referrer: _WAYS.index(referrer.found_via), reverse=True)
    return list({(referrer.subject, referrer.descriptor.digest): referrer for referrer in found}.values())


def know(connection: duckdb.DuckDBPyConnection, found: Sequence[FetchedImage]) -> Known:
    """Look up what the catalogue has of some names."""
    digests = {"digests": sorted({str(digest) for one in found for digest in one.digests})}
    indexed = connection.execute(
        "SELECT manifest_digest, indexed_at IS NOT NULL FROM manifests "
        "WHERE manifest_digest IN (SELECT unnest($digests::VARCHAR[]))",
        digests,
    ).fetchall()
    observations = connection.execute(
        "SELECT DISTINCT registry, repository, digest FROM observations "
        "WHERE digest IN (SELECT unnest($digests::VARCHAR[]))",
        digests,
    ).fetchall()
    return Known(dict(indexed), set(observations))


def note_seen(connection: duckdb.DuckDBPyConnection, found: Sequence[FetchedImage]) -> None:
    """Note what names point at of which all the rest is there."""
    seen = Rows()
    for one in found:
        seen.extend(one.rows, {"observations"})
    insert_all(connection, seen)


def load(connection: duckdb.DuckDBPyConnection, results: Sequence[FetchedImage | Failure]) -> list[Row]:
    """Write what was learned about some names, and tell what became of each, in their order.

    A name was added if it has a manifest or an index that the catalogue did not have, nor any name before it.
    """
    known = set(know(connection, [result for result in results if isinstance(result, FetchedImage)]).indexed)
    warnings = _size_warnings(connection, [result for result in results if isinstance(result, FetchedImage)])
    settled = _write(connection, results)
    note_failures(connection, [result for result in settled if isinstance(result, Failure)], "metadata")
    return [_told(result, known, warnings) for result in settled]


def _size_warnings(connection: duckdb.DuckDBPyConnection, found: Sequence[FetchedImage]) -> dict[str, str]:
    """Find the names whose manifests give a layer another size than the catalog, or a name before them, does."""
    digests = sorted({str(row["layer_digest"]) for one in found for row in one.layers})
    known: dict[str, int] = dict(connection.execute(_KNOWN_SIZES, {"digests": digests}).fetchall()) if digests else {}
    warnings: dict[str, str] = {}
    for one in found:
        for row in one.layers:
            digest, size = str(row["layer_digest"]), row["compressed_bytes"]
            if size is not None and known.setdefault(digest, size) != size:
                both = f"{size:,} bytes in this manifest, and {known[digest]:,} in the catalog, which keeps that"
                warnings.setdefault(one.name, f"warning: the layer {digest} has {both}")
    return warnings


def _write(
    connection: duckdb.DuckDBPyConnection, results: Sequence[FetchedImage | Failure]
) -> Sequence[FetchedImage | Failure]:
    """Write names wholly or not at all; what the catalogue refuses is a failure.

    All go in one transaction, which takes hardly longer than one name does, unless it refuses one of them.
    """
    found = [result for result in results if isinstance(result, FetchedImage)]
    if not found or _attempt(connection, found, "all of the names") is None:
        return results
    # Which one it is shows when each goes by itself.
    return [_written(connection, result) if isinstance(result, FetchedImage) else result for result in results]


def _written(connection: duckdb.DuckDBPyConnection, found: FetchedImage) -> FetchedImage | Failure:
    refusal = _attempt(connection, [found], found.name)
    return found if refusal is None else Failure(found.name, refusal)


def _attempt(connection: duckdb.DuckDBPyConnection, found: Sequence[FetchedImage], what: str) -> InvalidError | None:
    rows = Rows()
    for one in found:
        rows.extend(one.rows)
    try:
        with translated(f"the catalogue does not take {what}"):
            insert_all(connection, rows)
    except InvalidError as error:  # of these names only; that the file cannot be written is the end of all
        return error
    return None


def _told(result: FetchedImage | Failure, known: set[str], warnings: Mapping[str, str]) -> Row:
    if isinstance(result, Failure):
        return {"reference": str(result.reference), "outcome": "failed", "error": printable(str(result.error))}
    new = set(result.digests) - known
    known |= new
    return {**result.row("added" if new else "present"), "error": warnings.get(result.name)}


def note_failures(connection: duckdb.DuckDBPyConnection, failures: Sequence[Failure], stage: str) -> None:
    """Note which names failed, at what, and which tags and digests are gone."""
    gone = [Reference(failure.reference) for failure in failures if isinstance(failure.error, GoneError)]
    forget_digests(connection, [name for name in gone if name.digest is not None])
    rows = _gone_tags(connection, [name for name in gone if name.digest is None])
    for failure in failures:
        add_failure(rows, failure, stage)
    insert_all(connection, rows)


def _gone_tags(connection: duckdb.DuckDBPyConnection, names: Sequence[Reference]) -> Rows:
    """Give the rows of those tags that pointed at something when they were last seen, and point at nothing now."""
    places = [place_of(name) for name in names]
    known = last_seen(connection, places) if places else {}
    rows = Rows()
    for place in places:
        if known.get(key_of(place)) is not None:
            rows.add("observations", **place, observed_at=datetime.now(UTC))
    return rows
