"""The token: where it came from, what it opens and for how long, without the token itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocinb.notebook.claims import WORDS, is_time, moment, told
from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.lines import WIRE
from ocinb.notebook.explaining.way import Stop, WayIn, find_way_in
from ocinb.notebook.explaining.words import Chapter, Code, Figure, Figures, Part, Prose, Setup, Spans, duration

_ASKED = (
    "The token service is asked for what the challenge named. Its answer has the token, which is never shown here: who "
    "has it can read what it opens. The registry does not ask the service again; it only checks the signature."
)
_JWT = "The token is a JWT: anybody can read what it says, and nobody but the service can change it."
_OPAQUE = (
    "This token is opaque: it is no JWT, so only who gave it can say what is in it. Where a service does not say how "
    "long its token lives, it is 60 seconds."
)
_BASIC = "The registry takes a password as it is, so there is no token. It is sent with each request, and never shown."
# What stands in the table; when it begins and ends is told as how long it lives.
_CLAIMS = ("iss", "aud", "sub", "access")


def tell(story: Gathered) -> Chapter:
    """Tell of the token."""
    way = find_way_in(story.exchanges)
    if way.token is None:
        return _without(story, way)
    token, claims = way.token, way.token.exchange.token_claims
    parts: list[Part] = [Prose((_ASKED,)), Setup(WIRE), Figures(_request(token))]
    life = _life(claims or {})
    if claims is None:
        parts.append(Prose((_OPAQUE,)))
    else:
        figures = _claims(claims, life)
        parts += [Prose(_dates(claims)), Setup((f'claims = {token.line("")}"token_claims"]',)), Figures(figures)]
    if way.let_in is not None:
        parts += [Prose(("With the token the same request is asked again, and this time it is answered.",))]
        parts += [Figures(_again(way.let_in))]
    lives = f", for {duration(life)}" if life is not None else ""
    gist = ("it opens ", Code(token.exchange.reason.removeprefix("token for ")), lives)
    return Chapter("The token", gist, tuple(parts), (clauses.TOKEN, clauses.CLAIMS, clauses.BEARER))


def _without(story: Gathered, way: WayIn) -> Chapter:
    if story.asked.is_local:
        return Chapter("The token", ("none is needed for a file",), (Prose(("A file asks for no token.",)),))
    if way.refused is None:
        why = "The registry did not ask for one."
        return Chapter("The token", ("none is needed",), (Prose((why,)),), (clauses.TOKEN,))
    parts: list[Part] = [Prose((_BASIC,))]
    if way.let_in is not None:
        parts += [Setup(WIRE), Figures(_again(way.let_in))]
    return Chapter("The token", ("none: a password is sent with each request",), tuple(parts), (clauses.CHALLENGE,))


def _request(token: Stop) -> tuple[Figure, ...]:
    exchange, has_password = token.exchange, "authorization" in token.exchange.request_headers
    whom = "yes, as a user" if has_password else "no, for nobody in particular"
    return (
        Figure(f"the {exchange.method}", (Code(exchange.url),), token.line('"url"]'), exchange.url),
        Figure("for", (Code(exchange.reason),), token.line('"reason"]'), exchange.reason),
        Figure("with a password", (whom,), f'"authorization" in {token.line("")}"request_headers"]', has_password),
        Figure("answered", (Code(str(exchange.status)),), token.line('"status"]'), exchange.status),
    )


def _claims(claims: Mapping[str, Any], life: float | None) -> tuple[Figure, ...]:
    figures = [
        Figure(WORDS[name], _claim(name, claims[name]), f'claims["{name}"]', claims[name])
        for name in _CLAIMS
        if name in claims
    ]
    if life is not None:
        since = _since(claims)
        figures.append(Figure("lives", (duration(life),), f'claims["exp"] - claims["{since}"]', life))
    return tuple(figures)


def _claim(name: str, value: Any) -> Spans:
    return (Code(told(name, value)) if value else told(name, value),)


def _since(claims: Mapping[str, Any]) -> str:
    return "iat" if is_time(claims.get("iat")) else "nbf"


def _life(claims: Mapping[str, Any]) -> float | None:
    """Give the seconds that a token lives, if it says when it begins and ends."""
    begin, end = claims.get(_since(claims)), claims.get("exp")
    if not is_time(begin) or not is_time(end):
        return None
    return end - begin if end > begin else None


def _dates(claims: Mapping[str, Any]) -> Spans:
    until = moment(claims.get("exp"))
    return (f"{_JWT} This one is valid until {until}.",) if until else (_JWT,)


def _again(stop: Stop) -> tuple[Figure, ...]:
    exchange = stop.exchange
    shown = exchange.request_headers.get("authorization")
    figures = [Figure("the same request", (Code(str(exchange.status)),), stop.line('"status"]'), exchange.status)]
    if shown is not None:
        line = stop.line('"request_headers"]["authorization"]')
        figures.append(Figure("sent along", (Code(f"Authorization: {shown}"),), line, shown))
    return tuple(figures)
