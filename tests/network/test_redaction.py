"""What is shown of a request and its answer opens nothing, and says why it was sent."""

from __future__ import annotations

import base64
import json
import logging

import pytest
import urllib3

from ocinb._settings import settings
from ocinb.errors import NotFoundError
from ocinb.network.redaction import purpose, token_claims
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.transferring import open_repository


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


LOGGER = "urllib3.connectionpool"


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def test_neither_a_signature_nor_a_user_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with start_registry(credentials=("ada", "s3cret")) as registry, start_registry() as elsewhere:
        settings.credentials[registry.host] = ("ada", "s3cret")
        open_repository(registry).resolve("2.0")
        signed = {"Location": f"http://{elsewhere.host}/blob?X-Amz-Signature=opens-a-door"}
        registry.fault("*/manifests/1.0", status=307, headers=signed)
        with pytest.raises(NotFoundError):
            open_repository(registry).resolve("1.0")
    lines = logged(caplog)
    assert any("/blob?X-Amz-Signature=***" in line for line in lines)
    assert any("/token?" in line and "account=***" in line for line in lines)
    assert not [line for line in lines if "opens-a-door" in line or "ada" in line or "s3cret" in line]


def test_what_others_log_is_theirs(registry: SampleRegistry, caplog: pytest.LogCaptureFixture) -> None:
    open_repository(registry).resolve("1.0")
    caplog.set_level(logging.DEBUG)
    with urllib3.PoolManager() as manager:
        manager.request("GET", f"http://{registry.host}/v2/?mine=seen")
    assert any("/v2/?mine=seen" in line for line in logged(caplog))
