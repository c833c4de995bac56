"""Each address is in the range of which the registries of IANA say so, whatever it is written as."""

from __future__ import annotations

import ipaddress

import pytest

from ocinb.network.addresses import Range, parse_address, range_of

RANGES = {
    Range.PUBLIC: "8.8.8.8 11.0.0.1 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 2606:4700::1 ::ffff:8.8.8.8 "
    "64:ff9b::808:808 2002:808:808::1",
    Range.LOOPBACK: "127.0.0.1 127.255.255.255 0.0.0.0 ::1 :: ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 "
    "2002:7f00:1::",
    Range.LINK_LOCAL: "169.254.0.1 169.254.169.254 fe80::1 febf::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe",
    Range.PRIVATE: "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 fc00::1 fdff::1 fec0::1 "
    "::ffff:10.0.0.1 ::10.0.0.1 64:ff9b::a00:1 2002:c0a8:101::",
    Range.SHARED: "100.64.0.0 100.127.255.255 ::ffff:100.64.0.1",
    Range.MULTICAST: "224.0.0.1 239.255.255.255 ff02::1",
    Range.RESERVED: "0.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 240.0.0.1 255.255.255.255 2001:db8::1 "
    "100::1 64:ff9b:1::1 2001::1",
}


@pytest.mark.parametrize(("place", "address"), [(place, text) for place, row in RANGES.items() for text in row.split()])
def test_where_an_address_is(place: Range, address: str) -> None:
    assert range_of(ipaddress.ip_address(address)) is place


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("10.0.0.1.", "10.0.0.1"),
        ("localhost", None),
        ("ghcr.io", None),
        ("1.2.3.4.example", None),
        ("1.2.3.4 ghcr.io", None),
        ("dead.beef", None),
        ("256.256.256.256", None),
        ("", None),
        (None, None),
    ],
)
def test_what_is_an_address(host: str | None, address: str | None) -> None:
    found = parse_address(host)
    assert (None if found is None else str(found)) == address
