"""The name: what was typed, what it means in full, and who is asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from ocinb._text import counted
from ocinb.errors import OcinbError
from ocinb.network.exchange import Exchange
from ocinb.notebook.explain.collect import ImageFacts, Stop, WayIn, find_way_in
from ocinb.notebook.explain.story import (
    BEARER_SPEC,
    CHALLENGE_SPEC,
    CLAIMS_SPEC,
    ENDPOINTS_SPEC,
    LAYOUT_SPEC,
    PULL_SPEC,
    TOKEN_SPEC,
    WIRE,
    Chapter,
    Code,
    Figure,
    Figures,
    Hash,
    Listing,
    Note,
    Part,
    Prose,
    Row,
    Setup,
    Size,
    Spans,
    Strong,
    Table,
    duration,
)
from ocinb.notebook.token_claims import WORDS, is_time, moment, told
from ocinb.notebook.trace.window import Step
from ocinb.spec.reference import HUB, Reference


def name_chapter(story: ImageFacts) -> Chapter:
    """Tell of the name."""
    reference = story.asked.reference
    if story.asked.is_local:
        return _of_file(story)
    way = find_way_in(story.exchanges)
    parts: list[Part] = [Prose(_rules(story.asked.name, reference)), Figures(_of_registry(reference))]
    gist: Spans = (Code(reference.canonical),)
    if way.first is not None:
        url = way.first.exchange.url
        asked = Figure(f"first {way.first.exchange.method}", (Code(url),), way.first.line('"url"]'), url)
        parts += [Prose(_endpoint(url, reference)), Setup(WIRE), Figures((asked,))]
        gist = (*gist, " at ", Code(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"))
    return Chapter("The name", gist, tuple(parts), (PULL_SPEC, ENDPOINTS_SPEC))


def _rules(typed: str, reference: Reference) -> Spans:
    """Say which rules made the full name of what was typed."""
    said: list[str] = []
    if reference.registry == HUB:
        said.append("No host stands before the first slash, so it is a name of Docker Hub.")
        if (reference.repository or "").startswith("library/") and "library/" not in typed:
            said.append("With one part alone it is one of the official images, which are kept under library/.")
    else:
        said.append("What stands before the first slash has a dot or a port, or is localhost: it is the registry.")
    if reference.digest and reference.tag:
        said.append("It has a tag and a digest: the digest says what is meant, and the tag is for people only.")
    elif reference.digest:
        said.append("It has a digest, so it can only ever mean these very bytes.")
    elif typed.endswith(f":{reference.tag}"):
        said.append("What stands behind the last colon is the tag, which may point at something else tomorrow.")
    else:
        said.append("It has no tag, so latest is meant, which is a tag like any other and promises nothing.")
    return (" ".join(said),)


def _of_registry(reference: Reference) -> tuple[Figure, ...]:
    parts = [
        ("registry", reference.registry),
        ("repository", reference.repository),
        ("tag", reference.tag),
        ("canonical name", reference.canonical),
        ("as docker prints it", reference.familiar),
    ]
    attributes = ["registry", "repository", "tag", "canonical", "familiar"]
    figures = [
        Figure(name, (Code(value),), f"ocinb.Reference(ref).{attribute}", value)
        for (name, value), attribute in zip(parts, attributes, strict=True)
        if value
    ]
    if reference.digest:
        figures.append(Figure("digest", (Hash(reference.digest),), "ocinb.Reference(ref).digest", reference.digest))
    return tuple(figures)


def _endpoint(url: str, reference: Reference) -> Spans:
    where = urlsplit(url)
    because = (
        "TLS proves who answers."
        if where.scheme == "https"
        else "Without TLS, which is allowed for a registry on this machine, or one that the settings name."
    )
    moved = () if where.netloc == reference.registry else (" Its registry answers at ", Code(where.netloc), ".")
    path = "All of its addresses begin with /v2/, then comes the repository, then manifests or blobs, then the tag or "
    return (path, "the digest. ", because, *moved)


def _of_file(story: ImageFacts) -> Chapter:
    reference = story.asked.reference
    where = "A transport stands before the first colon: this is a file or a folder on this machine, and no registry."
    values = [("transport", reference.transport), ("path", reference.path), ("name in it", reference.name)]
    attributes = ("transport", "path", "name")
    figures = [
        Figure(name, (Code(value),), f"ocinb.Reference(ref).{attribute}", value)
        for (name, value), attribute in zip(values, attributes, strict=True)
        if value
    ]
    if reference.digest:
        figures.append(Figure("digest", (Hash(reference.digest),), "ocinb.Reference(ref).digest", reference.digest))
    gist = (Code(story.asked.name), " is on this machine")
    written = () if reference.transport == "docker-archive" else (LAYOUT_SPEC,)
    return Chapter("The name", gist, (Prose((where,)), Figures(tuple(figures))), written)


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
_BASIC_CHALLENGE = (
    "The first request is sent without any credentials. 401 means come back with a user and a password, and Basic "
    "means that these are sent to the registry itself, with every request: there is no token."
)


def challenge_chapter(story: ImageFacts) -> Chapter:
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
        Prose((_BASIC_CHALLENGE if challenge and challenge.scheme == "basic" else _BEARER,)),
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
    return Chapter("The challenge", gist, tuple(parts), (CHALLENGE_SPEC, TOKEN_SPEC))


def _open(way: WayIn) -> Chapter:
    parts: list[Part] = [Prose((_OPEN,))]
    if way.first is not None:
        parts += [Setup(WIRE), Figures((_status("the first request", way.first),))]
    return Chapter("The challenge", ("there is none: the door stands open",), tuple(parts), (CHALLENGE_SPEC,))


def _status(name: str, stop: Stop) -> Figure:
    return Figure(name, (Code(str(stop.exchange.status)),), stop.line('"status"]'), stop.exchange.status)


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


def token_chapter(story: ImageFacts) -> Chapter:
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
    return Chapter("The token", gist, tuple(parts), (TOKEN_SPEC, CLAIMS_SPEC, BEARER_SPEC))


def _without(story: ImageFacts, way: WayIn) -> Chapter:
    if story.asked.is_local:
        return Chapter("The token", ("none is needed for a file",), (Prose(("A file asks for no token.",)),))
    if way.refused is None:
        why = "The registry did not ask for one."
        return Chapter("The token", ("none is needed",), (Prose((why,)),), (TOKEN_SPEC,))
    parts: list[Part] = [Prose((_BASIC,))]
    if way.let_in is not None:
        parts += [Setup(WIRE), Figures(_again(way.let_in))]
    return Chapter("The token", ("none: a password is sent with each request",), tuple(parts), (CHALLENGE_SPEC,))


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


_TITLE = "Over the wire"
_SETUP = ("with ocinb.trace(fresh=True) as wire:", "    ocinb.explain(ref)")
_TOLD = (
    "These are all requests of this story. What is asked side by side may stand in another order the next time. A "
    "trace shows the headers too."
)
_PULLS = (
    (
        "Docker Hub counts each answered GET of a manifest as a pull, whoever asks for it and whatever for; HEAD and "
        "blobs cost nothing there. "
    ),
    Code("ocinb.rate_limit(ref)"),
    " says how many are left. The other functions of ocinb ask once for what has a digest, and keep it.",
)
_GETS = """gets = wire.frame.query('method == "GET" and status == 200')["url"]"""
_LOCAL = "Nothing. A file needs no network."


def requests_chapter(story: ImageFacts) -> Chapter:
    """Tell of the exchanges."""
    exchanges = story.exchanges
    if not exchanges:
        return Chapter(_TITLE, ("nothing",), (Prose((_LOCAL,)),))
    pulls = sum(is_pull(exchange) for exchange in exchanges)
    figures = (
        Figure("requests", (f"{len(exchanges):,}",), "len(wire)", len(exchanges)),
        Figure("pulls, on Hub", (f"{pulls:,}",), 'gets.str.contains("/manifests/").sum()', pulls),
    )
    platform = story.asked.platform
    setup = _SETUP if platform is None else (_SETUP[0], f"    ocinb.explain(ref, platform={platform!r})")
    line = 'wire.frame[["method", "url", "reason", "status", "transferred_bytes"]]'
    heads = ("#", "request", "why", "answer", "#body")
    parts: list[Part] = [
        Prose((_TOLD,)),
        Setup((*setup, _GETS)),
        # How many are asked side by side before all are called off is not the same twice.
        *([] if story.went_wrong else [Figures(figures)]),
        Prose(_PULLS),
        Table("In their order", heads, tuple(map(_row, range(1, len(exchanges) + 1), exchanges)), line),
    ]
    total = sum(exchange.transferred_bytes for exchange in exchanges)
    gist = (f"{counted(len(exchanges), 'request')}, ", Size(total), " of answers")
    return Chapter(_TITLE, gist, tuple(parts), (PULL_SPEC,))


def _row(number: int, exchange: Exchange) -> Row:
    step = Step(exchange, 0.0)
    sent = ("from what was kept",) if exchange.from_cache else (Size(exchange.transferred_bytes),)
    request, why = Code(f"{exchange.method} {step.path}"), Code(step.reason)
    return Row(((str(number),), (request,), (why,), (step.status,), sent))


def is_pull(exchange: Exchange) -> bool:
    """Say whether Docker Hub counts it as a pull."""
    return exchange.method == "GET" and "/manifests/" in exchange.url and exchange.status == HTTPStatus.OK


def could_not(what: object, otherwise: str) -> Note:
    """Tell of an error if it was one, and else why there is nothing to tell."""
    if not isinstance(what, OcinbError):
        return Note((otherwise,))
    return Note((Strong(type(what).__name__), ": ", Code(str(what))), is_trouble=True)
