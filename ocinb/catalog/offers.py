"""Offers: the images that stand behind a name in a catalogue, and the one that a node takes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from ocinb.catalog.naming import Standing
from ocinb.errors import NotFoundError
from ocinb.sources.images import ALL, Wanted
from ocinb.spec import mediatypes
from ocinb.spec.platforms import Platform, choose_platform, list_platforms, parse_platform

_MANIFESTS = """
    SELECT manifest_digest, media_type, os, architecture, variant FROM manifests LEFT JOIN configs USING (config_digest)
"""
_ENTRIES = """
    SELECT index_digest, manifest_digest, kind, os, architecture, variant FROM index_entries
    WHERE kind IN ('image', 'index') ORDER BY index_digest, position
"""


@dataclass(frozen=True, slots=True)
class Offer:
    """An image, and what it runs on; None where nobody says it."""

    digest: str
    platform: Platform | None


class Offers:
    """What stands behind the names of one catalogue.

    Parameters
    ----------
    connection
        Where to ask.
    default
        The platform that is meant if none is wanted.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, default: str) -> None:
        self._default = parse_platform(default)
        self._manifests = {
            digest: (media_type, _platform(*told))
            for digest, media_type, *told in connection.execute(_MANIFESTS).fetchall()
        }
        self._entries: dict[str, list[tuple[str, str, Platform | None]]] = {}
        for index, digest, kind, *told in connection.execute(_ENTRIES).fetchall():
            self._entries.setdefault(index, []).append((digest, kind, _platform(*told)))

    def chosen(self, name: Standing, wanted: Wanted) -> list[tuple[Platform | None, Offer]]:
        """Choose the images of some platforms, as `layers` does, each with the platform of the node that takes it.

        Raises
        ------
        NotFoundError
            If a platform is not there, or its image is not in the catalogue.
        """
        offers = self._of(name)
        if wanted == ALL:
            nodes = [(offer.platform, offer) for offer in offers]
        else:
            places = [None] if wanted is None else [parse_platform(text, str(self._default)) for text in wanted]
            nodes = [(node, self._needed(name, offers, node)) for node in places]
        distinct: dict[str, tuple[Platform | None, Offer]] = {}
        for node, offer in nodes:
            distinct.setdefault(offer.digest, (node, offer))
        return [(node, self._complete(name, offer)) for node, offer in distinct.values()]

    def taken(self, name: Standing, node: Platform | None) -> Offer | None:
        """Give the image that a node takes, None if there is none for it. A node without a platform is the default one.

        Raises
        ------
        NotFoundError
            If that image is not in the catalogue.
        """
        offer = self._choose(self._of(name), node)
        return None if offer is None else self._complete(name, offer)

    def _needed(self, name: Standing, offers: Sequence[Offer], node: Platform | None) -> Offer:
        offer = self._choose(offers, node)
        if offer is None:
            hint = f"It has: {list_platforms(offer.platform for offer in offers)}"
            what = f"there is no image for {node or self._default}"
            raise NotFoundError(what, reference=name.name, hint=hint)
        return offer

    def _choose(self, offers: Sequence[Offer], node: Platform | None) -> Offer | None:
        if node is None and len({str(offer.platform) for offer in offers}) == 1:
            return offers[0]  # an image that has one platform only is taken as it is
        place = choose_platform([offer.platform for offer in offers], node or self._default)
        return None if place is None else offers[place]

    def _of(self, name: Standing) -> list[Offer]:
        """Give all images behind a name, each once, in the order in which its index names them first."""
        if name.digest not in self._manifests:
            raise _not_added(f"what {name.name} stands for", name)
        media_type, platform = self._manifests[name.digest]
        if media_type not in mediatypes.INDEXES and name.digest not in self._entries:
            return [Offer(name.digest, platform)]
        found: dict[str, Offer] = {}
        for offer in self._through(name.digest, set()):
            found.setdefault(offer.digest, offer)
        return list(found.values())

    def _through(self, index: str, seen: set[str]) -> Iterator[Offer]:
        seen.add(index)
        for digest, kind, platform in self._entries.get(index, ()):
            if kind == "image":
                yield Offer(digest, platform)
            elif digest not in seen:
                yield from self._through(digest, seen)

    def _complete(self, name: Standing, offer: Offer) -> Offer:
        """Give an image with the platform that it says itself, if its index says none."""
        if offer.digest not in self._manifests:
            raise _not_added(f"the image for {offer.platform} of {name.name}", name)
        return Offer(offer.digest, offer.platform or self._manifests[offer.digest][1])


def _not_added(what: str, name: Standing) -> NotFoundError:
    return NotFoundError(f"{what} is not in the catalogue", reference=name.name, hint="Catalog.add adds it")


def _platform(os: str | None, architecture: str | None, variant: str | None) -> Platform | None:
    platform = Platform(os or "", architecture or "", variant)
    return platform if platform.known else None
