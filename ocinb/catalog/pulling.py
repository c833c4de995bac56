"""Pulling: what a node has to fetch for an image, by what a catalogue knows of it and of those that the node has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb

from ocinb._schemas import NUMBER, TEXT, Column, Schema
from ocinb.catalog import schemas
from ocinb.catalog.connection import script
from ocinb.catalog.naming import Names
from ocinb.catalog.offers import Offers
from ocinb.sources.images import Wanted
from ocinb.spec.platforms import Platform

if TYPE_CHECKING:
    import pandas as pd

_NODE, _DIGEST = Column("node", TEXT, "the node's platform"), Column("manifest_digest", TEXT, "an image")
_ASKED = Schema("asked_images", "image that is pulled", (Column("place", NUMBER, "its row"), _NODE, _DIGEST))
_HELD = Schema("held_images", "image that a node has", (_NODE, _DIGEST))


def pull_cost(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], cached: Sequence[str], wanted: Wanted, default: str
) -> pd.DataFrame:
    """Reckon what a node has to fetch for each image.

    Parameters
    ----------
    connection
        Where to ask.
    names
        What is pulled.
    cached
        What the node has.
    wanted
        The platforms.
    default
        The platform that is meant if none is wanted.

    Raises
    ------
    InvalidError
        If one is no name.
    NotFoundError
        If one stands for nothing now, has no image for a platform, or one that is not in the catalogue.
    """
    found, offers = Names(connection), Offers(connection, default)
    pulled = [(one.name, *chosen) for one in found.find(names) for chosen in offers.chosen(one, wanted)]
    held = found.find(cached)
    asked = [
        {"place": place, "node": _called(node), "manifest_digest": offer.digest}
        for place, (_, node, offer) in enumerate(pulled)
    ]
    # Each node has of those images the ones for its own platform.
    taken = [
        {"node": called, "manifest_digest": offer.digest}
        for called, node in {_called(node): node for _, node, _ in pulled}.items()
        for one in held
        if (offer := offers.taken(one, node)) is not None
    ]
    connection.register("asked_images", _ASKED.frame(asked))
    connection.register("held_images", _HELD.frame(taken))
    costs = connection.execute(script("queries/pull_cost.sql")).fetchall()
    return schemas.PULL_COST.frame(
        {
            "reference": name,
            "platform": str(offer.platform) if offer.platform else None,
            "compressed_bytes": compressed_bytes,
            "cached_bytes": cached_bytes,
            "fetched_bytes": fetched_bytes,
        }
        for (name, _, offer), (_, compressed_bytes, cached_bytes, fetched_bytes) in zip(pulled, costs, strict=True)
    )


def _called(node: Platform | None) -> str:
    return str(node) if node else ""
