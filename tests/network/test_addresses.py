"""What is this machine, and what only looks like it; where a URL leads, and how it is shown."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from ocinb.errors import TransportError
from ocinb.network.addresses import followed, is_beyond, is_loopback, reach, safe_url, same_origin


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("LOCALHOST", True),
        ("a.localhost", True),
        ("localhost.", True),
        ("::ffff:127.0.0.1", True),
        ("127.1", True),
        ("2130706433", True),
        ("", False),
        (None, False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_what_is_this_machine(host: str | None, here: bool) -> None:  # noqa: FBT001 - a row
    assert is_loopback(host) is here


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/x", "https://a.example:443/y", True),
        ("http://a.example/x", "http://A.example:80/y", True),
        ("http://a.example", "https://a.example", False),
        ("https://a.example", "https://b.example", False),
        ("https://a.example", "https://a.example:5000", False),
        ("https://a.example", "https://a.example.evil.example", False),
        ("https://a.example", "https://a.example@evil.example", False),
    ],
)
def test_origins(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - a row
    assert same_origin(one, other) is same


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
