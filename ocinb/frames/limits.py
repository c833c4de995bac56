"""How much a registry still gives: what its rate headers say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ocinb._arguments import suggesting
from ocinb.errors import TransportError
from ocinb.frames import schemas
from ocinb.frames.collecting import Errors, Names, Row, collect
from ocinb.sources.session import Session
from ocinb.spec.reference import parse_registry

if TYPE_CHECKING:
    import pandas as pd


@suggesting
def rate_limit(registry: Names, *, errors: Errors = "raise") -> pd.DataFrame:
    """Say how many requests a registry still answers, which costs none of them.

    Docker Hub is asked by the HEAD that it does not count. Of any other registry it is told what it said last; one that
    has said nothing yet is asked whether it is there, which all registries answer.

    Parameters
    ----------
    registry
        The host: ``"docker.io"``, or several.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per registry: registry, limit, remaining (requests), window_seconds (seconds), reset_at (UTC). What the
        registry does not say is NA: Hub tells no reset_at, most others nothing at all.

    Raises
    ------
    RateLimitError
        If it wants no requests at the moment, and has not said how many it gives.
    TransportError
        If it cannot be reached, or ``settings.offline`` is set.

    Notes
    -----
    Source: Docker's documentation, "Pull usage and limits"; the IETF draft "RateLimit header fields for HTTP".

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.rate_limit(registry.host)
    >>> frame["remaining"].isna().tolist()
    [True]
    """
    return collect(registry, _rows, schemas.RATE_LIMITS, errors=errors)


def _rows(name: str, session: Session) -> Sequence[Row]:
    registry = parse_registry(name)
    if session.settings.offline:
        hint = "ocinb.settings.offline = False asks it"
        raise TransportError(f"offline, and what {registry} still gives only it can tell", hint=hint)
    return [{"registry": registry, **asdict(session.endpoint(registry).ask_rate())}]
