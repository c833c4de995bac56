"""What a row of the tables is: one hostile exchange, what is asked, and how it has to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

import ocinb
from ocinb.errors import OcinbError
from tests.hostile.world import World


@dataclass(frozen=True)
class Row:
    """One hostile exchange.

    Parameters
    ----------
    name
        What is wrong.
    act
        The question that is asked, a key of `ACTS`.
    arrange
        Makes the world hostile.
    error
        The class of the error, exactly; None where the harm is to be borne.
    words
        What the error has to say.
    check
        What has to be true of the frame where there is no error.
    settings
        Limits that are lowered, so that little is enough to pass them.
    """

    name: str
    act: str
    arrange: Callable[[World], object]
    error: type[OcinbError] | None
    words: str = ""
    check: Callable[[pd.DataFrame], bool] = len  # type: ignore[assignment]  # anything that is true of a full frame
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.act}: {self.name}"


def _digests(world: World) -> pd.DataFrame:
    return ocinb.tags(world.reference(), digests=True)


def _read_document(world: World) -> pd.DataFrame:
    document = ocinb.document(world.reference())
    return pd.DataFrame({"digest": [document.digest], "raw": [document.raw]})


def _pull(world: World) -> pd.DataFrame:
    frame = ocinb.pull(world.reference("lone"), progress=False)
    return frame[["digest", "blob_bytes"]]


# Each gives a frame that is the same whenever an honest registry is asked.
ACTS: dict[str, Callable[[World], pd.DataFrame]] = {
    "layers": lambda world: ocinb.layers(world.reference(), platform="all"),
    "manifests": lambda world: ocinb.manifests(world.reference()),
    "configs": lambda world: ocinb.configs(world.reference(), platform="all"),
    "document": _read_document,
    "tags": lambda world: ocinb.tags(world.reference()),
    "digests": _digests,
    "repositories": lambda world: ocinb.repositories(world.host),
    "pull": _pull,
    "referrers": lambda world: ocinb.referrers(world.reference()),
}
