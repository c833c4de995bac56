"""The way in: which of the exchanges asked first, which was refused, which brought a token, and which was let in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from ocinb.auth.challenges import Challenge, choose_challenge, parse_challenges
from ocinb.network.exchange import Exchange
from ocinb.spec.digest import Digest

_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class Stop:
    """One exchange on the way: where it stands in a trace of the same way, and what it was."""

    place: int
    exchange: Exchange

    def line(self, then: str) -> str:
        """Give the line that returns something of it out of a trace."""
        return f"wire.frame.loc[{self.place}, {then}"


@dataclass(frozen=True, slots=True)
class WayIn:
    """The way to the first document; what there was not is None.

    Attributes
    ----------
    first
        The first question that somebody answered.
    refused
        The one that was answered by a challenge.
    token
        The one that brought a token.
    let_in
        The one that was answered with the document.
    """

    first: Stop | None
    refused: Stop | None
    token: Stop | None
    let_in: Stop | None

    @property
    def challenge(self) -> Challenge | None:
        """What was taken of what the challenge offers."""
        if self.refused is None:
            return None
        header = self.refused.exchange.response_headers.get("www-authenticate", "")
        return choose_challenge(parse_challenges(header))


def find_way_in(exchanges: Sequence[Exchange]) -> WayIn:
    """Find the stops of the way to the first document.

    Parameters
    ----------
    exchanges
        What went over the wire, in its order.
    """
    let_in = _first(exchanges, lambda one: is_manifest(one) and one.status in _GOOD)
    before = exchanges[: let_in.place] if let_in else exchanges
    return WayIn(
        first=_first(exchanges, lambda one: one.status is not None),
        refused=_first(before, lambda one: one.status == HTTPStatus.UNAUTHORIZED),
        token=_first(before, lambda one: one.reason.startswith("token") and one.status in _GOOD),
        let_in=let_in,
    )


def is_manifest(exchange: Exchange) -> bool:
    """Say whether a manifest or an index was asked for."""
    return "/manifests/" in exchange.url


def answer_with(exchanges: Sequence[Exchange], digest: Digest) -> Exchange | None:
    """Find the answer that brought the document with a digest."""
    got = [one for one in exchanges if one.method == "GET" and one.status in _GOOD and not one.from_cache]
    named = [one for one in got if one.url.endswith(f"/{digest}")]
    said = [one for one in got if one.response_headers.get("docker-content-digest") == digest]
    return next(iter([*named, *said]), None)


def _first(exchanges: Sequence[Exchange], fits: Callable[[Exchange], bool]) -> Stop | None:
    return next((Stop(place, one) for place, one in enumerate(exchanges) if fits(one)), None)
