"""Tokens are asked for as the specification says, live as long as they were said to, and are shown to nobody."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.auth.credentials import Credential, Found, Kind
from ocinb.auth.tokens import MAX_CHARACTERS, MAX_TOKENS, Token, TokenCache, TokenRequest, read_token
from ocinb.errors import AuthError
from ocinb.network.connections import Answer
from ocinb.network.session import Http
from tests import tokenserver
from tests.tokenserver import SERVICE, TokenServer

ADA = Credential(Kind.PASSWORD, "ada", "s3cret-of-ada", "a test")
IDENTITY = Credential(Kind.IDENTITY, "", "refresh-of-ada", "a test")
SCOPE = "repository:demo/shop:pull"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TokenServer]:
    with tokenserver.serve(tmp_path, users={"ada": "s3cret-of-ada", "bert": "s3cret-of-bert"}) as running:
        running.refresh_tokens["refresh-of-ada"] = "ada"
        yield running


@pytest.fixture
def tokens() -> Iterator[TokenCache]:
    http = Http(settings)
    yield TokenCache(http, settings, "registry.test")
    http.close()


def get(
    tokens: TokenCache, service: TokenServer, credential: Credential | None, *scopes: str, realm: str | None = None
) -> Token:
    wanted = TokenRequest(realm or service.realm, SERVICE, scopes or (SCOPE,))
    return tokens.get(wanted, Found(credential), "http://127.0.0.1:5000")


def test_post_with_an_identity_token(tokens: TokenCache, service: TokenServer) -> None:
    assert get(tokens, service, IDENTITY, SCOPE, "repository:other:pull").text
    [asked] = service.requests
    assert (asked.method, asked.user, asked.query, asked.header("Authorization")) == ("POST", "ada", {}, None)
    assert asked.header("Content-Type") == "application/x-www-form-urlencoded"
    assert asked.form == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh-of-ada"],
        "service": [SERVICE],
        "client_id": ["ocinb"],
        "access_type": ["online"],
        "scope": [f"{SCOPE} repository:other:pull"],
    }


def test_an_identity_token_is_a_password_where_no_other_is_known(tokens: TokenCache, service: TokenServer) -> None:
    service.post_status = 404
    service.users[""] = "refresh-of-ada"
    assert get(tokens, service, IDENTITY).text
    header = service.requests[1].header("Authorization") or ""
    assert base64.b64decode(header.removeprefix("Basic ")) == b":refresh-of-ada"


@pytest.mark.parametrize(
    "credential",
    [
        Credential(Kind.PASSWORD, "ada", "wrong-secret", "a test"),
        Credential(Kind.IDENTITY, "", "wrong-secret", "a test"),
    ],
)
def test_credentials_that_are_refused(tokens: TokenCache, service: TokenServer, credential: Credential) -> None:
    with pytest.raises(AuthError, match="refuses the credentials") as caught:
        get(tokens, service, credential)
    assert "It was asked with the credentials of a test" in str(caught.value)
    for secret in ("wrong-secret", base64.b64encode(b"ada:wrong-secret").decode()):
        assert secret not in f"{caught.value}{vars(caught.value)}"


def test_only_so_many_are_kept(tokens: TokenCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TokenCache, "_fetch", lambda *_: Token("eyJ", float("inf")))
    for number in range(MAX_TOKENS + 10):
        tokens.get(
            TokenRequest("https://a.example/", "", (f"repository:r{number}:pull",)), Found(), "https://a.example"
        )
    assert len(tokens._kept) == MAX_TOKENS
    assert "repository:r9:pull" not in {wanted.scopes[0] for wanted, _ in tokens._kept}


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("said", "life"),
    [
        ({}, 60),
        ({"expires_in": 300}, 300),
        ({"expires_in": 30}, 60),
        ({"expires_in": 0}, 60),
        ({"expires_in": -300}, 60),
        ({"expires_in": None, "issued_at": None}, 60),
        ({"expires_in": 300, "issued_at": at(0)}, 300),
        ({"expires_in": 300, "issued_at": at(-100)}, 200),
        ({"expires_in": 300, "issued_at": at(-299)}, 60),
        ({"expires_in": 300, "issued_at": at(-100_000)}, 60),
        ({"expires_in": 300, "issued_at": at(100_000)}, 300),
        ({"expires_in": 300, "issued_at": "0001-01-01T00:00:00Z"}, 300),
        ({"expires_in": 300, "issued_at": "2026-01-01T13:58:20.123456789+02:00"}, 200.123456),
        ({"expires_in": 300, "issued_at": "2026-01-01T11:58:20"}, 200),
        ({"expires_in": 300, "issued_at": "yesterday"}, 300),
        ({"expires_in": 300, "issued_at": "9999-12-31T23:59:59-12:00"}, 300),
        ({"expires_in": 300, "issued_at": ""}, 300),
        ({"expires_in": 2**62}, 2**62),
        ({"issued_at": at(-100)}, 60),
    ],
)
def test_a_life_is_counted_by_the_clock_of_the_service(
    said: dict[str, Any], life: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocinb.auth.tokens.time", SimpleNamespace(monotonic=lambda: 1000.0))
    answer = Answer(200, {"date": format_datetime(NOW, usegmt=True)}, json.dumps({"token": "eyJ", **said}).encode(), "")
    assert read_token(answer).until == pytest.approx(1000 + life - 5)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_without_a_clock_of_the_service_ours_counts(date: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb.auth.tokens.time", SimpleNamespace(monotonic=lambda: 1000.0))
    issued_at = (datetime.now(UTC) - timedelta(seconds=3600)).isoformat()
    body = json.dumps({"token": "eyJ", "expires_in": 7200, "issued_at": issued_at}).encode()
    headers = {} if date is None else {"date": date}
    assert read_token(Answer(200, headers, body, "")).until == pytest.approx(1000 + 3600 - 5, abs=60)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>eyJ-html</html>", "is not a JSON object"),
        (b'["eyJ-html"]', "is not a JSON object"),
        (b"", "is not a JSON object"),
        (b'{"token": "eyJ-html", "token": "eyJ-html"}', "is not a JSON object"),
        (b"{}", "gave no token"),
        (b'{"token": "", "access_token": ""}', "gave no token"),
        (b'{"token": 5}', "field of the wrong type"),
        (b'{"token": {"eyJ-html": 1}}', "field of the wrong type"),
        (b'{"token": "eyJ-html", "expires_in": "300"}', "field of the wrong type"),
        (b'{"token": "eyJ-html", "expires_in": true}', "field of the wrong type"),
        (b'{"token": "eyJ-html", "expires_in": 1e3}', "field of the wrong type"),
        (b'{"token": "eyJ-html", "expires_in": 99999999999999999999}', "field of the wrong type"),
        (b'{"token": "eyJ-html", "issued_at": 5}', "field of the wrong type"),
        (b'{"token": "eyJ-html\\r\\nX: 1"}', "gave no token"),
        (b'{"token": "eyJ-html\\u0000"}', "gave no token"),
        (b'{"token": "eyJ html"}', "gave no token"),
        ('{"token": "eyJ-htmlü"}'.encode(), "gave no token"),
        (b'{"token": "' + b"x" * (MAX_CHARACTERS + 1) + b'"}', "more than 65,536 characters"),
    ],
)
def test_an_answer_that_is_no_token_is_not_quoted(body: bytes, words: str) -> None:
    with pytest.raises(AuthError, match=words) as caught:
        read_token(Answer(200, {}, body, "https://auth.example/token?scope=x&sig=hidden"))
    assert "https://auth.example/token" in str(caught.value)
    assert not [text for text in ("eyJ", "hidden", "xxx") if text in f"{caught.value}{vars(caught.value)}"]
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
