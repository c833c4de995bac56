"""The door: the first request, and the challenge with which a registry answers it."""

from __future__ import annotations

from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.lines import WIRE
from ocinb.notebook.explaining.way import Stop, WayIn, find_way_in
from ocinb.notebook.explaining.words import Chapter, Code, Figure, Figures, Listing, Part, Prose, Row, Setup, Table

_MEANINGS = {
    "realm": "where a token is to be had",
    "service": "for which service it has to be",
    "scope": "what it has to open",
    "error": "why what was shown is not enough",
}
_NO_DOOR = (
    "Nobody stands between a program and a file: no request goes over a network, nobody asks who is there, and there "
    "is no challenge and no token. Who may read the file may read the image."
)
_OPEN = (
    "The first request was answered at once. This registry wants no token to read this repository, so there is no "
    "challenge. Others answer 401, and say in a header where a token is to be had."
)
_BEARER = (
    "The first request is sent without any credentials. 401 does not mean that the image is secret: it means come "
    "back with a token, and the header WWW-Authenticate says where to get one. Docker Hub does so for public images "
    "too."
)
_BASIC = (
    "The first request is sent without any credentials. 401 means come back with a user and a password, and Basic "
    "means that these are sent to the registry itself, with every request: there is no token."
)


def tell(story: Gathered) -> Chapter:
    """Tell of the challenge."""
    if story.asked.is_local:
        return Chapter("The challenge", ("there is none: no registry is asked",), (Prose((_NO_DOOR,)),))
    way = find_way_in(story.exchanges)
    if way.refused is None:
        return _open(way)
    challenge, headers = way.challenge, way.refused.exchange.response_headers
    scheme = challenge.scheme.capitalize() if challenge else "nothing that can be done"
    header = headers.get("www-authenticate", "")
    line = way.refused.line('"response_headers"]["www-authenticate"]')
    parts: list[Part] = [
        Prose((_BASIC if challenge and challenge.scheme == "basic" else _BEARER,)),
        Setup(WIRE),
        Figures((_status("the first request", way.refused),)),
        Listing("WWW-Authenticate, as it came", header),
    ]
    if challenge and challenge.parameters:
        rows = tuple(
            Row(((Code(name),), (Code(value),), (_MEANINGS.get(name, ""),)))
            for name, value in challenge.parameters.items()
        )
        parts.append(Table(f"{scheme}, and what it says", ("parameter", "value", "it says"), rows, line))
    gist = ("401: the registry wants ", Code(scheme))
    return Chapter("The challenge", gist, tuple(parts), (clauses.CHALLENGE, clauses.TOKEN))


def _open(way: WayIn) -> Chapter:
    parts: list[Part] = [Prose((_OPEN,))]
    if way.first is not None:
        parts += [Setup(WIRE), Figures((_status("the first request", way.first),))]
    return Chapter("The challenge", ("there is none: the door stands open",), tuple(parts), (clauses.CHALLENGE,))


def _status(name: str, stop: Stop) -> Figure:
    return Figure(name, (Code(str(stop.exchange.status)),), stop.line('"status"]'), stop.exchange.status)
