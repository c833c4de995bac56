"""What is this machine, and what only looks like it; where a URL leads, and how it is shown."""

from __future__ import annotations

import pytest

from ocinb.network.addresses import Range, followed, safe_url


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
