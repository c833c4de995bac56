"""Naming: what a reference stands for in a catalogue now, and which one may have been meant if for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import duckdb

from ocinb._text import nearest
from ocinb.catalog.connection import script
from ocinb.catalog.rows import place_of
from ocinb.errors import InvalidError, NotFoundError, OcinbError
from ocinb.frames.batch import checked, complete
from ocinb.spec.digest import Digest
from ocinb.spec.reference import Reference, in_registry

# Comparing one name with so many takes less than a second.
COMPARED_NAMES = 10_000
SHOWN_TAGS = 10

Place = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """A name, and what it stands for.

    Attributes
    ----------
    name
        The name as it was typed.
    registry, repository
        Where it stands; a file is a repository without a registry.
    tag
        Its tag; None if it was named by its digest.
    digest
        What it stands for.
    """

    name: str
    registry: str | None
    repository: str
    tag: str | None
    digest: str


class Names:
    """The names of one catalogue.

    Parameters
    ----------
    connection
        Where to ask; it has to live as long as this.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def find(self, names: Sequence[str]) -> list[Standing]:
        """Find what each name stands for.

        Raises
        ------
        InvalidError
            If one is no name.
        NotFoundError
            If one stands for nothing now.
        """
        return [self._completed(name) for name in names]

    def _completed(self, name: str) -> Standing:
        try:
            return self._find(checked(name))
        except OcinbError as error:
            hint = error.hint
            complete(error, name)
            error.hint = hint or error.hint
            raise

    def _find(self, name: str) -> Standing:
        self._check_placed(name)
        reference = Reference(name)
        place = place_of(reference)
        where: Place = place["registry"], place["repository"]
        if reference.digest is not None:
            if reference.digest not in self._reached.get(where, ()):
                raise self._missing_digest(reference.digest, where)
            return Standing(name, *where, None, str(reference.digest))
        digest = self._current.get((*where, place["tag"]))
        if digest is None:
            raise self._missing(where, place["tag"])
        return Standing(name, *where, place["tag"], digest)

    @cached_property
    def _current(self) -> dict[tuple[str | None, str, str], str]:
        rows = self._connection.execute(
            "SELECT registry, repository, tag, digest FROM current_names WHERE tag IS NOT NULL ORDER BY ALL"
        ).fetchall()
        return {(registry, repository, tag): digest for registry, repository, tag, digest in rows}

    @cached_property
    def _reached(self) -> dict[Place, set[str]]:
        found: dict[Place, set[str]] = {}
        for registry, repository, digest in self._connection.execute(script("queries/reached.sql")).fetchall():
            found.setdefault((registry, repository), set()).add(digest)
        return found

    def _check_placed(self, name: str) -> None:
        """Refuse a digest without a repository, which would be read as the repository "sha256"."""
        try:
            digest = Digest(name)
        except InvalidError:
            return
        named = self._named(digest)
        hint = f"Did you mean {named}?" if named else "A digest is named as repository@digest"
        raise InvalidError(f"{name} is a digest without a repository", hint=hint)

    def _named(self, digest: str) -> str | None:
        homes = (where for where, digests in self._reached.items() if digest in digests)
        return next((f"{_place_name(*where)}@{digest}" for where in homes), None)

    def _missing(self, where: Place, tag: str) -> NotFoundError:
        what = f"{in_full(*where, tag)} stands for nothing in this catalogue now"
        return NotFoundError(what, hint=self._meant(where, tag))

    def _meant(self, where: Place, tag: str) -> str:
        here = [known for *place, known in self._current if tuple(place) == where]
        near = nearest(tag, here[:COMPARED_NAMES])
        if near is not None:
            return f"Did you mean {in_full(*where, near)}?"
        if here:
            more = " …" if len(here) > SHOWN_TAGS else ""
            return f"{_place_name(*where)} has: {', '.join(sorted(here)[:SHOWN_TAGS])}{more}"
        others = [in_full(*known) for known in list(self._current)[:COMPARED_NAMES]]
        near = nearest(in_full(*where, tag), others, cutoff=0.8)
        return f"Did you mean {near}?" if near else "Catalog.sql('FROM tags') has those that are there"

    def _missing_digest(self, digest: str, where: Place) -> NotFoundError:
        named = self._named(digest) or next(
            (f"{_place_name(*where)}@{near}" for near in [nearest(digest, self._reached.get(where, ()))] if near), None
        )
        hint = f"Did you mean {named}?" if named else "Catalog.sql('FROM images') has those that are there"
        return NotFoundError(f"there is no {digest} in {_place_name(*where)} in this catalogue now", hint=hint)


def in_full(registry: str | None, repository: str, tag: str) -> str:
    """Name a tag in full, as the catalogue does: what has no name in a file has a tag that is empty."""
    return _place_name(registry, repository) + (f":{tag}" if tag else "")


def _place_name(registry: str | None, repository: str) -> str:
    return repository if registry is None else in_registry(registry, repository)
