"""Addresses: where a host is, where a URL leads, and how it is shown without its secrets."""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from contextlib import suppress
from enum import StrEnum
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from ocinb.errors import TransportError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Range(StrEnum):
    """Where an address is. From each range one may be led to what is public, and to no other range but itself."""

    PUBLIC = "public"
    LOOPBACK = "loopback"
    """This machine; the unspecified address 0.0.0.0 reaches it too."""
    LINK_LOCAL = "link-local"
    """The next cable, and the metadata service of many clouds."""
    PRIVATE = "private"
    SHARED = "shared"
    """Of a provider, or of a mesh such as Tailscale: 100.64/10."""
    MULTICAST = "multicast"
    RESERVED = "reserved"


_PRIVATE = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10")  # the last is retired
]
_SHARED = ipaddress.ip_network("100.64.0.0/10")
# Prefixes behind which the last 32 bits are an address of version 4: its own range is what counts.
_EMBEDDING = [ipaddress.IPv6Network(text) for text in ("::ffff:0:0/96", "::/96", "64:ff9b::/96")]
_6TO4 = ipaddress.IPv6Network("2002::/16")


def range_of(address: Address) -> Range:
    """Say in which range an address is.

    >>> range_of(ipaddress.ip_address("8.8.8.8")), range_of(ipaddress.ip_address("::ffff:10.0.0.1"))
    (<Range.PUBLIC: 'public'>, <Range.PRIVATE: 'private'>)
    """
    inner = None if address.is_loopback or address.is_unspecified else _embedded(address)
    if inner is not None:
        return range_of(inner)
    special = [
        (address.is_loopback or address.is_unspecified, Range.LOOPBACK),
        (address.is_link_local, Range.LINK_LOCAL),
        (any(address in network for network in _PRIVATE), Range.PRIVATE),
        (address in _SHARED, Range.SHARED),
        (address.is_multicast, Range.MULTICAST),
        (address.is_reserved or not address.is_global, Range.RESERVED),
    ]
    return next((place for holds, place in special if holds), Range.PUBLIC)


def parse_address(host: str | None) -> Address | None:
    """Read a host that is an address, in any form that a resolver takes for one, or give None for a name.

    >>> parse_address("127.1"), parse_address("[::1]"), parse_address("ghcr.io")
    (IPv4Address('127.0.0.1'), IPv6Address('::1'), None)
    """
    name = (host or "").strip("[]").partition("%")[0].rstrip(".")
    with suppress(ValueError):
        return ipaddress.ip_address(name)
    # The C function takes "1.2.3.4 and more" for an address; a resolver does not.
    if not name or not set(name.lower()) <= set("0123456789abcdefx."):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(name))  # 127.1 and 2130706433 are addresses to a resolver
    except OSError:
        return None


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if any(address in network for network in _EMBEDDING):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return address.sixtofour
    return None


# Query fields of the distribution spec; whatever else stands in a query may be the signature that opens a door.
_HARMLESS = frozenset({"n", "last", "artifactType", "service", "scope", "digest", "ns"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_AUTHORITY = re.compile(r"(?:[\w.-]+|\[[\w.:%-]+\])(?::\d*)?", re.ASCII)
# A header is bytes, read as Latin-1: what is not ASCII in it is quoted byte by byte.
_UNQUOTED = re.compile(r"[^\x21-\x7e]")


@functools.lru_cache(1000)
def is_loopback(host: str | None) -> bool:
    """Say whether a host name, without its port, is this machine itself.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("ghcr.io")
    (True, True, True, False)
    """
    address = parse_address(host)
    # 0.0.0.0 reaches this machine too, but nobody calls it by that.
    is_here = address is not None and not address.is_unspecified and range_of(address) is Range.LOOPBACK
    return is_here or is_localhost(host)


def is_localhost(host: str | None) -> bool:
    """Say whether a name is one of those that are kept for this machine."""
    name = (host or "").lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def reach(host: str | None) -> frozenset[Range]:
    """Give the ranges into which a host may lead, as far as its name says: what is public, and its own."""
    address = parse_address(host)
    if address is not None:
        return frozenset({Range.PUBLIC, range_of(address)})
    return frozenset({Range.PUBLIC, Range.LOOPBACK} if is_localhost(host) else {Range.PUBLIC})


def is_beyond(url: str, within: frozenset[Range]) -> bool:
    """Say whether a URL names an address outside of some ranges; one with a name is judged when it is resolved."""
    return not reach(urlsplit(url).hostname) <= within | {Range.PUBLIC}


def netloc_of(url: str) -> str:
    """Give the host and the port that a URL names, without the user."""
    return urlsplit(url).netloc.rpartition("@")[2]


def same_origin(one: str, other: str) -> bool:
    """Say whether two URLs have the same scheme, host and port."""
    return _origin(one) == _origin(other)


def followed(url: str, target: str) -> str:
    """Give the address to which a header of an answer leads, without its fragment.

    Raises
    ------
    TransportError
        If it is none, or has a user in it, who would be sent along.
    """
    try:
        parts = urlsplit(urljoin(url, target))
        joined = urlunsplit(parts._replace(fragment=""))
        _origin(joined)
        # Two readers of one odd authority may find two hosts in it; there is none in a plain one, which has no user.
        readable = not _CONTROL.search(target) and (not parts.netloc or _AUTHORITY.fullmatch(parts.netloc))
    except ValueError:
        readable = False
    if not readable:
        raise TransportError("the answer leads to an address that cannot be read", url=safe_url(url)) from None
    return _UNQUOTED.sub(lambda match: quote(match[0], encoding="latin-1", errors="replace"), joined)


def safe_url(url: str) -> str:
    """Take out of a URL what may be a secret.

    >>> safe_url("https://ada:pw@cdn.example/blob?X-Signature=abc&n=5")
    'https://cdn.example/blob?X-Signature=***&n=5'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be read"
    query = [
        (key, value if key in _HARMLESS else "***") for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(query, safe="*:/,"), ""))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
