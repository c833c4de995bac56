"""Addresses: where a host is, where a URL leads, and how it is shown without its secrets."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from ocinb.errors import TransportError

# Query fields of the distribution spec; whatever else stands in a query may be the signature that opens a door.
_HARMLESS = frozenset({"n", "last", "artifactType", "service", "scope", "digest", "ns"})


def is_loopback(host: str | None) -> bool:
    """Say whether a host name, without its port, is this machine itself.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("ghcr.io")
    (True, True, True, False)
    """
    address = _address(host)
    return _is_localhost(host) or (address is not None and address.is_loopback)


def is_within(host: str | None) -> bool:
    """Say whether a host is this machine or on its own link (such as a cloud's metadata), where no stranger may lead.

    >>> is_within("localhost"), is_within("169.254.169.254"), is_within("0.0.0.0"), is_within("ghcr.io")
    (True, True, True, False)
    """
    address = _address(host)
    if address is None:
        return _is_localhost(host)
    return address.is_loopback or address.is_link_local or address.is_unspecified


def leads_within(url: str, target: str) -> bool:
    """Say whether somebody outside of this machine points into it."""
    return is_within(urlsplit(target).hostname) and not is_within(urlsplit(url).hostname)


def same_origin(one: str, other: str) -> bool:
    """Say whether two URLs have the same scheme, host and port."""
    return _origin(one) == _origin(other)


def followed(url: str, target: str) -> str:
    """Give the address to which a header of an answer leads.

    Raises
    ------
    TransportError
        If it is none.
    """
    try:
        joined = urljoin(url, target)
        _origin(joined)
    except ValueError:
        raise TransportError("the answer leads to an address that cannot be read", url=safe_url(url)) from None
    return joined


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


def _is_localhost(host: str | None) -> bool:
    name = (host or "").lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _address(host: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    name = (host or "").strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _short_address(name)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _short_address(name: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(socket.inet_aton(name))  # 127.1 and 2130706433 are addresses to a resolver
    except (OSError, ValueError):
        return None
