"""What is this machine, and what only looks like it; where a URL leads, and how it is shown."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from ocinb.errors import TransportError
from ocinb.network.addresses import Range, followed, is_beyond, parse_address, reach, safe_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/v2/", "https://a.example/v2/"),
        ("https://ada:pw@a.example:5000/x", "https://a.example:5000/x"),
        ("https://a.example/x?n=5&last=b&artifactType=c/d", "https://a.example/x?n=5&last=b&artifactType=c/d"),
        ("https://a.example/x?X-Amz-Signature=s&n=5", "https://a.example/x?X-Amz-Signature=***&n=5"),
        ("https://a.example/x?flag", "https://a.example/x?flag=***"),
        ("https://a.example/x?flag=&n=", "https://a.example/x?flag=***&n="),
        ("https://a.example/x#secret", "https://a.example/x"),
        ("https://[::1/x?secret", "a URL that cannot be read"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, shown: str) -> None:
    assert safe_url(url) == shown


@pytest.mark.parametrize(
    ("url", "target", "within"),
    [
        ("https://a.example/", "https://127.0.0.1/", True),
        ("https://a.example/", "http://[fe80::1]/", True),
        ("https://a.example/", "https://10.0.0.1/", True),
        ("https://a.example/", "https://100.64.0.1/", True),
        ("https://a.example/", "https://b.example/", False),
        ("https://a.example/", "https://8.8.8.8/", False),
        ("http://127.0.0.1:5000/", "http://localhost/", False),
        ("http://127.0.0.1:5000/", "http://169.254.169.254/", True),
        ("http://127.0.0.1:5000/", "http://192.168.0.1/", True),
        ("http://10.0.0.1:5000/", "http://192.168.0.1/", False),
        ("http://10.0.0.1:5000/", "http://127.0.0.1/", True),
    ],
)
def test_who_points_into_a_range_that_is_not_its_own(url: str, target: str, within: bool) -> None:  # noqa: FBT001 - a row
    assert is_beyond(target, reach(urlsplit(url).hostname)) is within


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("/v2/x", "https://a.example/v2/x"),
        ("?last=b", "https://a.example/v2/list?last=b"),
        ("//b.example/x", "https://b.example/x"),
        ("http://b.example/x", "http://b.example/x"),
        ("https://b.example/x#part", "https://b.example/x"),
        ("https://[::1]:5000/x", "https://[::1]:5000/x"),
        ("/caf\xc3\xa9 au lait?q=\xe9", "https://a.example/caf%C3%A9%20au%20lait?q=%E9"),
        ("/100%25%zz", "https://a.example/100%25%zz"),
    ],
)
def test_where_a_header_leads(target: str, where: str) -> None:
    assert followed("https://a.example/v2/list?n=1", target) == where


@pytest.mark.parametrize(
    "target",
    [
        "http://[::1/?sig=hidden",
        "http://a:99999/?sig=hidden",
        "http://a:port/?sig=hidden",
        "http://b\xfccher.example/?sig=hidden",
        "https://a.example\\@b.example/?sig=hidden",
        "https://a.example\\.b.example/?sig=hidden",
        "https://ada:pw@b.example/?sig=hidden",
        "https://b.example/\x00?sig=hidden",
        "https://b.example/\r\nHost: c.example?sig=hidden",
        "\thttps://b.example/?sig=hidden",
        "https://b%2eexample/?sig=hidden",
        "https://b example/?sig=hidden",
    ],
)
def test_a_header_that_leads_nowhere(target: str) -> None:
    with pytest.raises(TransportError, match="cannot be read") as caught:
        followed("https://a.example/v2/", target)
    assert "hidden" not in str(caught.value)
    assert caught.value.__suppress_context__


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
