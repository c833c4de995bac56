"""What is shown of a request and its answer opens nothing, and says why it was sent."""

from __future__ import annotations

import base64
import json

import pytest

from ocinb.network.redaction import masked, purpose, token_claims


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer hidden", "Bearer ***"),
        ("AUTHORIZATION", "Basic hidden", "Basic ***"),
        ("Authorization", "hidden", "***"),
        ("Proxy-Authorization", "Basic hidden", "***"),
        ("Cookie", "session=hidden", "***"),
        ("Set-Cookie", "session=hidden", "***"),
        ("X-Amz-Security-Token", "hidden", "***"),
        ("X-Api-Key", "hidden", "***"),
        ("X-Auth", "hidden", "***"),
        ("Authentication-Info", "nextnonce=hidden", "***"),
        (
            "Location",
            "https://ada:hidden@cdn.example/x?X-Signature=hidden&n=5",
            "https://cdn.example/x?X-Signature=***&n=5",
        ),
        ("Location", "/v2/x?sig=hidden", "/v2/x?sig=***"),
        ("Content-Location", "https://cdn.example/?sig=hidden", "https://cdn.example/?sig=***"),
        ("Link", '<https://a.example/?sig=hidden>; rel="next"', '<https://a.example/?sig=***>; rel="next"'),
        ("Link", '</v2/_catalog?last=a&sig=hidden>; rel="next"', '</v2/_catalog?last=a&sig=***>; rel="next"'),
        ("X-Served-From", "https://cdn.example/x?sig=hidden", "https://cdn.example/x?sig=***"),
        ("Warning", '299 - "a <b> c"', '299 - "a <b> c"'),
        (
            "WWW-Authenticate",
            'Bearer realm="https://ada:hidden@auth.example/token?x=hidden",service="r",scope="repository:a:pull"',
            'Bearer realm="https://auth.example/token?x=***",service="r",scope="repository:a:pull"',
        ),
        ("ETag", '"sha256:abc"', '"sha256:abc"'),
        ("Docker-Content-Digest", "sha256:abc", "sha256:abc"),
        ("RateLimit-Remaining", "76;w=21600", "76;w=21600"),
        ("Content-Type", "application/json", "application/json"),
    ],
)
def test_headers(name: str, value: str, shown: str) -> None:
    assert masked({name: value}) == {name.lower(): shown}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/v2/", "whether a registry is there"),
        ("/v2/a/b/manifests/1.0", "manifest 1.0"),
        (f"/v2/a/manifests/sha256:{'ab' * 32}", "manifest sha256:abababababab"),
        (f"/v2/a/blobs/sha256:{'ab' * 32}", "blob sha256:abababababab"),
        ("/v2/a/b/tags/list?n=1000", "the tags of a/b"),
        ("/v2/a/b/tags/list?n=1000&last=x", "the tags of a/b, next page"),
        (f"/v2/a/referrers/sha256:{'ab' * 32}", "the referrers of sha256:abababababab"),
        ("/v2/_catalog?n=1000", "the repositories"),
        ("/v2/manifests/tags/manifests/1", "manifest 1"),
        ("/token?service=x&scope=repository:a:pull", "token for repository:a:pull"),
        ("/token?scope=a&scope=b", "token for a b"),
        ("/elsewhere?sig=hidden", "GET /elsewhere"),
    ],
)
@pytest.mark.parametrize("base", ["", "https://registry.example"])
def test_why(base: str, url: str, words: str) -> None:
    assert purpose("GET", f"{base}{url}") == words


def jwt(payload: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", payload, b"signature"))


@pytest.mark.parametrize("field", ["token", "access_token"])
def test_what_a_token_says_of_itself(field: str) -> None:
    body = json.dumps({field: jwt(b'{"sub": "ada", "n": 1}')}).encode()
    assert token_claims(body) == {"sub": "ada", "n": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"token": 5}',
        b'{"token": "opaque"}',
        b'{"token": "a.b.c"}',
        b"[" * 100_000,
    ]
    + [
        json.dumps({"token": jwt(payload)}).encode()
        for payload in (
            b"[1]",
            b'"x"',
            b"nonsense",
            b"\xff",
            b'{"a": ' + b"[" * 800 + b"]" * 800 + b"}",
            b'{"exp": NaN}',
        )
    ],
)
def test_a_token_that_says_nothing(body: bytes) -> None:
    assert token_claims(body) is None
