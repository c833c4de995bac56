"""Tokens are given for a scope and a time, and are good for nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ocinb.samples import SampleRegistry, registry
from tests.samples.asking import bearer, get, token


@pytest.fixture
def guarded() -> Iterator[SampleRegistry]:
    with registry(token=True) as running:
        yield running


def claims(text: str) -> dict[str, Any]:
    payload = text.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def test_a_token_is_good_for_its_scope_only(guarded: SampleRegistry) -> None:
    headers = bearer(guarded, "repository:demo/shop:pull")
    assert get(guarded, "/v2/demo/shop/tags/list", **headers).status_code == 200
    assert get(guarded, "/v2/", **headers).status_code == 200
    for path in ("/v2/demo/base/tags/list", "/v2/_catalog"):
        answer = get(guarded, path, **headers)
        assert answer.status_code == 401
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "scopes",
    [
        ["repository:demo/shop:pull", "repository:demo/base:pull", "registry:catalog:*"],
        ["repository:demo/shop:pull+repository:demo/base:pull,push+registry:catalog:*"],
    ],
)
def test_several_scopes_at_once(guarded: SampleRegistry, scopes: list[str]) -> None:
    headers = bearer(guarded, *scopes)
    for path in ("/v2/demo/shop/tags/list", "/v2/demo/base/tags/list", "/v2/_catalog"):
        assert get(guarded, path, **headers).status_code == 200


@pytest.mark.parametrize("forged", ["", "nonsense", "a.b.c", "a.b.ü"])
def test_forged_tokens_are_refused(guarded: SampleRegistry, forged: str) -> None:
    answer = get(guarded, "/v2/demo/shop/tags/list", Authorization=f"Bearer {forged}")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_tokens_can_be_revoked(guarded: SampleRegistry) -> None:
    headers = bearer(guarded, "repository:demo/shop:pull")
    guarded.revoke_tokens()
    assert get(guarded, "/v2/demo/shop/tags/list", **headers).status_code == 401
    headers = bearer(guarded, "repository:demo/shop:pull")
    assert get(guarded, "/v2/demo/shop/tags/list", **headers).status_code == 200


def test_credentials_buy_tokens() -> None:
    with registry(credentials=("ada", "s3cret")) as running:
        refused = get(running, "/token?scope=repository:demo/shop:pull")
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
        wrong = base64.b64encode(b"ada:wrong").decode()
        assert get(running, "/token", Authorization=f"Basic {wrong}").status_code == 401
        right = base64.b64encode(b"ada:s3cret").decode()
        text = token(running, "repository:demo/shop:pull", Authorization=f"Basic {right}")
        assert claims(text)["sub"] == "ada"
        assert get(running, "/v2/demo/shop/tags/list", Authorization=f"Bearer {text}").status_code == 200
        assert get(running, "/v2/demo/shop/tags/list", Authorization=f"Basic {right}").status_code == 401
        assert "s3cret" not in repr(running) + repr(vars(running)) + repr(running.requests)
        assert right not in repr(running.requests)


def test_tokens_are_got_not_posted(guarded: SampleRegistry) -> None:
    assert get(guarded, "/token", method="POST").status_code == 405
