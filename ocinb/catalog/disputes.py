"""Disputes: layers about whose length documents contradict each other, and what those say who have the blobs.

A manifest says how long its layers are, and nobody can know better before one was read. So of two that contradict each
other neither is believed: whoever pushes a manifest could else say how large somebody else's image is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import duckdb

from ocinb._pool import run_all
from ocinb.catalog.connection import script
from ocinb.catalog.document_rows import Row, place_of
from ocinb.catalog.ingest_documents import Found
from ocinb.errors import OcinbError
from ocinb.frames.batch import CircuitBreaker
from ocinb.sources.registry import ask_length
from ocinb.sources.session import Session, open_source
from ocinb.spec.digest import Digest
from ocinb.spec.reference import Reference, in_registry

# Digests of layers, and one name in each registry, and in each file, that has them.
Disputes = Mapping[str, Sequence[str]]
# Digests of layers, and how many bytes they have; None where nobody can say it, or one says this and another that.
Lengths = Mapping[str, int | None]

# Of a layer that was read whole the length is known.
_SAID = """
    SELECT layer_digest, compressed_bytes, tar_bytes IS NOT NULL
    FROM layers
    WHERE compressed_bytes IS NOT NULL AND layer_digest IN (SELECT unnest($digests::VARCHAR[]))
"""
_CORRECT = """
    UPDATE layers
    SET compressed_bytes = settled.compressed_bytes
    FROM (SELECT unnest($digests::VARCHAR[]) AS layer_digest, unnest($lengths::BIGINT[]) AS compressed_bytes) AS settled
    WHERE layers.layer_digest = settled.layer_digest AND layers.tar_bytes IS NULL
    AND layers.compressed_bytes IS DISTINCT FROM settled.compressed_bytes
"""


def find_disputes(connection: duckdb.DuckDBPyConnection, found: Sequence[Found]) -> Disputes:
    """Find the layers of names about whose length these contradict each other, or the catalogue."""
    said: dict[str, set[int]] = {}
    for row in _layers(found):
        if row["compressed_bytes"] is not None:
            said.setdefault(str(row["layer_digest"]), set()).add(row["compressed_bytes"])
    for digest, length, is_read in connection.execute(_SAID, {"digests": list(said)}).fetchall():
        said[digest] = set() if is_read else said[digest] | {length}
    disputed = [digest for digest, lengths in said.items() if len(lengths) > 1]
    return _homes(connection, found, disputed) if disputed else {}


def settle(disputes: Disputes, session: Session) -> Lengths:
    """Ask all who have the layers how long they are; one that is in the store needs nobody."""
    unreached = CircuitBreaker()

    def ask(digest: Digest) -> int | None:
        kept = session.store.blobs.size(digest)
        if kept is not None:
            return kept
        answers = [_answer(name, digest, session, unreached) for name in disputes[digest]]
        lengths = {length for length in answers if length is not None}
        return lengths.pop() if len(lengths) == 1 else None

    digests = [Digest(digest) for digest in disputes]
    return dict(zip(disputes, run_all(ask, digests, workers=2 * session.settings.concurrency), strict=True))


def believe(found: Iterable[Found], lengths: Lengths) -> None:
    """Put into the rows of names what was settled."""
    for row in _layers(found):
        if row["layer_digest"] in lengths:
            row["compressed_bytes"] = lengths[row["layer_digest"]]


def correct(connection: duckdb.DuckDBPyConnection, lengths: Lengths) -> None:
    """Put into the catalogue what was settled of layers that were not read whole."""
    if lengths:
        connection.execute(_CORRECT, {"digests": list(lengths), "lengths": list(lengths.values())})


def _layers(found: Iterable[Found]) -> Iterator[Row]:
    for one in found:
        yield from one.rows.tables.get("layers", ())


def _homes(connection: duckdb.DuckDBPyConnection, found: Sequence[Found], digests: Sequence[str]) -> Disputes:
    """Name who has layers: those where they were found just now, and those where the catalogue has seen them."""
    homes: dict[str, dict[str, str]] = {digest: {} for digest in digests}
    seen = connection.execute(script("queries/homes.sql"), {"digests": digests}).fetchall()
    for registry, repository, digest in seen:
        name = repository if registry is None else in_registry(registry, repository)
        homes[digest][registry or repository] = name
    for one in found:
        place = place_of(one.opened.reference)
        for row in _layers([one]):
            if row["layer_digest"] in homes:
                homes[row["layer_digest"]][place["registry"] or place["repository"]] = one.name
    return {digest: list(names.values()) for digest, names in homes.items()}


def _answer(name: str, digest: Digest, session: Session, unreached: CircuitBreaker) -> int | None:
    try:
        with unreached.heeded():
            return ask_length(open_source(Reference(name), session=session), digest)
    except OcinbError as error:  # then it stays unknown
        unreached.note(name, error)
        return None
