"""Naming: what a reference stands for in a catalogue now, and which one may have been meant if for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import duckdb

from ocinb._suggestions import nearest
from ocinb.catalog.connection import script
from ocinb.catalog.document_rows import place_of
from ocinb.errors import InvalidError, NotFoundError, OcinbError
from ocinb.frames.batch import checked, complete
from ocinb.sources.images import ALL, Wanted
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.platforms import Platform, choose_platform, list_platforms, parse_platform
from ocinb.spec.reference import Reference, in_registry

# Comparing one name with so many takes less than a second.
COMPARED_NAMES = 10_000
SHOWN_TAGS = 10

Place = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class ResolvedName:
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


class CatalogNames:
    """The names of one catalogue."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def find(self, names: Sequence[str]) -> list[ResolvedName]:
        """Find what each name stands for."""
        return [self._completed(name) for name in names]

    def _completed(self, name: str) -> ResolvedName:
        try:
            return self._find(checked(name))
        except OcinbError as error:
            hint = error.hint
            complete(error, name)
            error.hint = hint or error.hint
            raise

    def _find(self, name: str) -> ResolvedName:
        self._check_placed(name)
        reference = Reference(name)
        place = place_of(reference)
        where: Place = place["registry"], place["repository"]
        if reference.digest is not None:
            if reference.digest not in self._reached.get(where, ()):
                raise self._missing_digest(reference.digest, where)
            return ResolvedName(name, *where, None, str(reference.digest))
        digest = self._current.get((*where, place["tag"]))
        if digest is None:
            raise self._missing(where, place["tag"])
        return ResolvedName(name, *where, place["tag"], digest)

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


_MANIFESTS = """
    SELECT manifest_digest, media_type, os, architecture, variant FROM manifests LEFT JOIN configs USING (config_digest)
"""
_ENTRIES = """
    SELECT index_digest, manifest_digest, kind, os, architecture, variant FROM index_entries
    WHERE kind IN ('image', 'index') ORDER BY index_digest, position
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image, and what it runs on; None where nobody says it."""

    digest: str
    platform: Platform | None


class Offers:
    """What stands behind the names of one catalogue."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, default: str) -> None:
        self._default = parse_platform(default)
        self._manifests = {
            digest: (media_type, _platform(*told))
            for digest, media_type, *told in connection.execute(_MANIFESTS).fetchall()
        }
        self._entries: dict[str, list[tuple[str, str, Platform | None]]] = {}
        for index, digest, kind, *told in connection.execute(_ENTRIES).fetchall():
            self._entries.setdefault(index, []).append((digest, kind, _platform(*told)))

    def chosen(self, name: ResolvedName, wanted: Wanted) -> list[tuple[Platform | None, Candidate]]:
        """Choose the images of some platforms, as `layers` does, each with the platform of the node that takes it."""
        candidates = self._of(name)
        if wanted == ALL:
            nodes = [(candidate.platform, candidate) for candidate in candidates]
        else:
            places = [None] if wanted is None else [parse_platform(text, str(self._default)) for text in wanted]
            nodes = [(node, self._needed(name, candidates, node)) for node in places]
        distinct: dict[str, tuple[Platform | None, Candidate]] = {}
        for node, candidate in nodes:
            distinct.setdefault(candidate.digest, (node, candidate))
        return [(node, self._complete(name, candidate)) for node, candidate in distinct.values()]

    def taken(self, name: ResolvedName, node: Platform | None) -> Candidate | None:
        """Return the image that a node takes, or None. A node without a platform is the default one."""
        candidate = self._choose(self._of(name), node)
        return None if candidate is None else self._complete(name, candidate)

    def _needed(self, name: ResolvedName, candidates: Sequence[Candidate], node: Platform | None) -> Candidate:
        candidate = self._choose(candidates, node)
        if candidate is None:
            hint = f"It has: {list_platforms(candidate.platform for candidate in candidates)}"
            what = f"there is no image for {node or self._default}"
            raise NotFoundError(what, reference=name.name, hint=hint)
        return candidate

    def _choose(self, candidates: Sequence[Candidate], node: Platform | None) -> Candidate | None:
        if node is None and len({str(candidate.platform) for candidate in candidates}) == 1:
            return candidates[0]  # an image that has one platform only is taken as it is
        place = choose_platform([candidate.platform for candidate in candidates], node or self._default)
        return None if place is None else candidates[place]

    def _of(self, name: ResolvedName) -> list[Candidate]:
        """Give all images behind a name, each once, in the order in which its index names them first."""
        if name.digest not in self._manifests:
            raise _not_added(f"what {name.name} stands for", name)
        media_type, platform = self._manifests[name.digest]
        if media_type not in mediatypes.INDEXES and name.digest not in self._entries:
            return [Candidate(name.digest, platform)]
        found: dict[str, Candidate] = {}
        for candidate in self._through(name.digest, set()):
            found.setdefault(candidate.digest, candidate)
        return list(found.values())

    def _through(self, index: str, seen: set[str]) -> Iterator[Candidate]:
        seen.add(index)
        for digest, kind, platform in self._entries.get(index, ()):
            if kind == "image":
                yield Candidate(digest, platform)
            elif digest not in seen:
                yield from self._through(digest, seen)

    def _complete(self, name: ResolvedName, candidate: Candidate) -> Candidate:
        """Give an image with the platform that it says itself, if its index says none."""
        if candidate.digest not in self._manifests:
            raise _not_added(f"the image for {candidate.platform} of {name.name}", name)
        return Candidate(candidate.digest, candidate.platform or self._manifests[candidate.digest][1])


def _not_added(what: str, name: ResolvedName) -> NotFoundError:
    return NotFoundError(f"{what} is not in the catalogue", reference=name.name, hint="Catalog.add adds it")


def _platform(os: str | None, architecture: str | None, variant: str | None) -> Platform | None:
    platform = Platform(os or "", architecture or "", variant)
    return platform if platform.known else None
