"""Masking: what of a request and its answer can be shown to people, and why it was sent."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ocinb._text import short_digest
from ocinb.network.addresses import safe_url
from ocinb.spec.strict_json import parse_object

# A header whose name speaks of any of these may open something; the challenge only says what is wanted.
_SECRET = re.compile(r"auth|cookie|token|secret|key|passw|credential|signature|session|assertion", re.IGNORECASE)
_READABLE = frozenset({"www-authenticate", "proxy-authenticate"})
# An address, or what stands in a Link without a host.
_ADDRESS = re.compile(r"https?://[^\s\"'<>,]+|(?<=<)[^<>]*+(?=>)", re.IGNORECASE)
_ADDRESSES = frozenset({"location", "content-location"})
_PATH = re.compile(
    r"/v2/(?:(?P<catalog>_catalog)|(?P<repository>.+)/(?P<kind>manifests|blobs|tags|referrers)/(?P<name>[^/]+))"
)


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Give headers, their names in lower case, without what opens anything.

    >>> masked({"Authorization": "Bearer s3cret", "Location": "https://cdn.example/x?sig=abc"})
    {'authorization': 'Bearer ***', 'location': 'https://cdn.example/x?sig=***'}
    """
    return {name.lower(): _masked(name.lower(), value) for name, value in headers.items()}


def without(secrets: Iterable[str], text: str) -> str:
    """Take secrets out of what a stranger says, who may have been told them."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def purpose(method: str, url: str) -> str:
    """Say in a few words why somebody asks for a URL.

    >>> purpose("GET", "https://registry.example/v2/demo/shop/manifests/2.0")
    'manifest 2.0'
    >>> purpose("GET", "https://auth.example/token?service=x&scope=repository:demo/shop:pull")
    'token for repository:demo/shop:pull'
    """
    parts = urlsplit(url)
    match = _PATH.fullmatch(parts.path)
    if match is None:
        scopes = parse_qs(parts.query).get("scope", [])
        if scopes:
            return f"token for {' '.join(scopes)}"
        return "whether a registry is there" if parts.path == "/v2/" else f"{method} {parts.path}"
    name, repository = unquote(match["name"] or ""), match["repository"]
    name = f"{name.partition(':')[0]}:{short_digest(name)}" if ":" in name else name
    more = ", next page" if "last=" in parts.query else ""
    return {
        None: f"the repositories{more}",
        "manifests": f"manifest {name}",
        "blobs": f"blob {name}",
        "tags": f"the tags of {repository}{more}",
        "referrers": f"the referrers of {name}{more}",
    }[match["kind"]]


def token_claims(body: bytes) -> dict[str, Any] | None:
    """Read what a token in an answer says of itself, if it is a JWT; its signature is left out."""
    try:
        answer = parse_object(body, "the answer")
        token: Any = answer.get("token") or answer.get("access_token")
        payload = token.split(".")[1]
        return parse_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), "the token")
    except (ValueError, AttributeError, IndexError):  # InvalidError is a ValueError
        return None


def _masked(name: str, value: str) -> str:
    if name in _ADDRESSES:
        return safe_url(value)
    if name in _READABLE or not _SECRET.search(name):
        return _ADDRESS.sub(lambda match: safe_url(match[0]), value)
    scheme, space, _ = value.partition(" ")
    return f"{scheme} ***" if name == "authorization" and space else "***"
