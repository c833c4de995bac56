"""Ranges: to whom an address belongs, so that a stranger's answer leads nobody into a place that is not public.

Sources: the special-purpose registries of IANA (RFC 6890); RFC 6598 for 100.64/10; RFC 6052 and RFC 3056 for the
addresses of version 6 that have one of version 4 in them.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from enum import StrEnum

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
