"""Addresses: where a host is."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str | None) -> bool:
    """Say whether a host name, without its port, is this machine itself.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("ghcr.io")
    (True, True, True, False)
    """
    name = (host or "").lower().strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
