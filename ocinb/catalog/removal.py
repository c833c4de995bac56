"""Removal: what a registry would get back if some names went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb

from ocinb._schemas import TEXT, Column, Schema
from ocinb.catalog import schemas
from ocinb.catalog.connection import script
from ocinb.catalog.naming import Names

if TYPE_CHECKING:
    import pandas as pd

_REMOVED = Schema("removed", "name", tuple(Column(name, TEXT, "") for name in "registry repository tag digest".split()))


def freed_layers(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> pd.DataFrame:
    """Find the layers that nothing would need any more, the largest first.

    Raises
    ------
    InvalidError
        If one is no name.
    NotFoundError
        If one stands for nothing now.
    """
    removed = _REMOVED.frame(
        {
            "registry": one.registry,
            "repository": one.repository,
            "tag": one.tag,
            "digest": one.digest if one.tag is None else None,  # a tag goes alone: other names may lead there
        }
        for one in Names(connection).find(names)
    )
    connection.register("asked_removed", removed)
    rows = connection.execute(script("queries/freed.sql")).fetchall()
    return schemas.FREED.frame({"layer_digest": digest, "freed_bytes": size} for digest, size in rows)
