"""Terms: what holds for one exchange, known where the libraries make it."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field

from ocinb.network.ranges import Range
from ocinb.network.resolving import Whereabouts
from ocinb.network.trust import Network


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one exchange, deep down where the libraries make it.

    Attributes
    ----------
    limit
        How many bytes of a body are read at most.
    reach
        The ranges into which it may lead; None where the user said whom to ask, or a proxy goes there.
    whereabouts
        Who is told where the host is.
    reason
        Why it is sent, for those who observe.
    open_in
        The networks in which alone the host may be called without TLS that is checked; none if it may anywhere.
    """

    limit: int
    reach: frozenset[Range] | None = None
    whereabouts: Whereabouts = field(default_factory=Whereabouts)
    reason: str = ""
    open_in: tuple[Network, ...] = ()


terms: contextvars.ContextVar[Terms] = contextvars.ContextVar("terms", default=Terms(0))  # noqa: B039 - it is frozen
