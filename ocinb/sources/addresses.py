"""Addresses: where a host is."""

from __future__ import annotations

import ipaddress
import socket


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
