"""Redirects: where an answer may lead, and what of a question goes along.

From https no way leads to http, and none into a range that is not public unless all who lead there are in it.
Authorization goes to the registry's own origin only, and not there either once the way has led elsewhere: a stranger
does not choose what a token is shown for.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from ocinb.errors import TransportError
from ocinb.network.addresses import Range, followed, is_beyond, safe_url, same_origin

REDIRECTS = frozenset({301, 302, 303, 307, 308})


class AstrayError(TransportError):
    """An answer leads to where its sender may lead nobody."""


def redirected(url: str, location: str, reach: frozenset[Range]) -> str:
    """Give the address to which a redirect leads.

    Raises
    ------
    TransportError
        If that is none, or one to which it may not lead.
    """
    target = followed(url, location)
    check_target(url, target, reach, what="a redirect")
    return target


def check_target(url: str, target: str, reach: frozenset[Range], *, what: str) -> None:
    """Refuse what is not http, less than the https that leads there, or an address that is out of reach.

    Raises
    ------
    AstrayError
        If it is any of these.
    """
    scheme, before = urlsplit(target).scheme, urlsplit(url).scheme
    why = ""
    if scheme not in {"http", "https"} or (before == "https" and scheme == "http"):
        why = f"it leaves {before}"
    elif is_beyond(target, reach):
        why = "it leads from outside into a range that is not public"
    if why:
        raise AstrayError(f"{what} to {safe_url(target)} is refused: {why}", url=safe_url(url))


def astray(host: str, place: Range) -> AstrayError:
    """Make the error of a name that resolves to where nobody may be led."""
    return AstrayError(f"the way to {host} is refused: it leads from outside to a {place} address")


def along(headers: Mapping[str, str], origin: str, target: str) -> dict[str, str]:
    """Give the headers that go to a target, when the first question went to an origin."""
    if same_origin(origin, target):
        return dict(headers)
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}
