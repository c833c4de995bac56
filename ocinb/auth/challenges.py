"""Challenges: which ways in a server offers, read out of its ``WWW-Authenticate`` headers.

Source: RFC 9110, sections 5.6 and 11.2 to 11.6.1. Several headers reach us as one, joined by commas (section 5.3), and
a list may have empty elements. Read more leniently than written there: a value that is no token and not in quotes
(``realm=https://…``), a closing quote that is missing, and parameters without a comma between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_TOKEN = r"[\w!#$%&'*+.^`|~-]++"  # noqa: S105 - the grammar's word for a word
# No part gives back what it took, so that a header takes no longer than its length, whatever stands in it.
_PIECE = re.compile(
    rf"""
    (?P<name>{_TOKEN})[ \t]*+=[ \t]*+(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"?|(?P<bare>[^\s,"=][^\s,"]*+))
    | (?P<word>[^\s,"]++)
    | (?P<comma>,)
    | .
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_SCHEME = re.compile(_TOKEN, re.ASCII)
_TOKEN68 = re.compile(r"[\w.~+/-]+=*", re.ASCII)
_PAIR = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in that a server offers.

    Attributes
    ----------
    scheme
        In lower case, such as ``"bearer"``.
    parameters
        By their names in lower case; of one that stands twice, the first.
    token68
        What some schemes have in their place.
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    token68: str | None = None


def parse_challenges(header: str) -> list[Challenge]:
    """Read the value of a ``WWW-Authenticate`` header.

    >>> [challenge] = parse_challenges('Bearer realm="https://auth.example/token",service="registry"')
    >>> challenge.scheme, challenge.parameters["service"]
    ('bearer', 'registry')
    """
    found: list[Challenge] = []
    parameters: dict[str, str] = {}
    may_be_token68 = False
    for piece in _PIECE.finditer(header):
        word, was_scheme = piece["word"], may_be_token68
        may_be_token68 = was_scheme and piece.lastgroup is None  # blanks change nothing
        if piece["name"] is not None:
            parameters.setdefault(piece["name"].lower(), _value(piece))
        elif word is not None and was_scheme and _TOKEN68.fullmatch(word):
            found[-1] = Challenge(found[-1].scheme, parameters, word)
        elif word is not None and _SCHEME.fullmatch(word):
            parameters, may_be_token68 = {}, True
            found.append(Challenge(word.lower(), parameters))
    return found


def choose_challenge(challenges: Iterable[Challenge]) -> Challenge | None:
    """Take the best way in that can be gone: tokens, if it says where they are given, before a password."""
    ways = {challenge.scheme: challenge for challenge in reversed(list(challenges)) if _can_be_gone(challenge)}
    return ways.get("bearer") or ways.get("basic")


def _can_be_gone(challenge: Challenge) -> bool:
    return challenge.scheme == "basic" or bool(challenge.parameters.get("realm"))


def _value(piece: re.Match[str]) -> str:
    quoted = piece["quoted"]
    return str(piece["bare"]) if quoted is None else _PAIR.sub(r"\1", quoted)


# A registry names one or two; the rest would only make an address too long to be sent.
MAX_CHARACTERS = 2048
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_READING = frozenset({"pull", "metadata_read"})
_REPOSITORY = re.compile(r"repository(?:\([^():]*\))?:(?P<name>.+):(?P<actions>[^:]*)")


def repository_of(scope: str) -> str | None:
    """Give the repository that a scope is about.

    >>> repository_of("repository:demo/shop:pull"), repository_of("registry:catalog:*")
    ('demo/shop', None)
    """
    match = _REPOSITORY.fullmatch(scope)
    return match["name"] if match else None


def wider(scope: str, named: str, *, insufficient: bool) -> tuple[str, ...]:
    """Give what to ask for when a registry names scopes of its own: ours, and of its what reading can need.

    Behind a proxy a repository may have another name, so a scope that opens another one for reading is taken over.
    More than reading is asked for only in the repository in question, and only if a token was not enough.
    """
    scopes = list(filter(None, named.split(" ")))
    if len(named) > MAX_CHARACTERS or not all(map(_SCOPE.fullmatch, scopes)):
        return (scope,)
    return tuple(dict.fromkeys((scope, *(one for one in scopes if _fits(scope, one, insufficient)))))


def _fits(scope: str, named: str, insufficient: bool) -> bool:  # noqa: FBT001 - as it came
    match = _REPOSITORY.fullmatch(named)
    if match is None:
        return insufficient  # "*", or what only this registry knows
    is_reading = set(match["actions"].split(",")) <= _READING
    return is_reading or (insufficient and match["name"] == repository_of(scope))
