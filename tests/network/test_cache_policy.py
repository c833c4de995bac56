"""Kept is a document that is what its header promises, and believed as long as it is young, or nobody can be asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ocinb._settings import Settings
from ocinb.network.session import is_believed, worth_keeping
from ocinb.spec.digest import Digest

BODY = b'{"tags": []}'
OTHER = str(Digest.of(b"something else"))


def asked(method: str, path: str) -> Any:
    return SimpleNamespace(method=method, url=f"https://registry.example/v2/a/{path}")


def answer(**changes: Any) -> Any:
    made: dict[str, Any] = {
        "status_code": 200,
        "content": BODY,
        "headers": {},
        "request": asked("GET", "tags/list"),
        "created_at": datetime.now(UTC),
        "revalidated": False,
    }
    return SimpleNamespace(**(made | changes))


HEAD = asked("HEAD", "manifests/1")


@pytest.mark.parametrize(
    ("changes", "worth"),
    [
        ({}, True),
        ({"headers": {"docker-content-digest": str(Digest.of(BODY))}}, True),
        ({"headers": {"docker-content-digest": OTHER}}, False),
        ({"headers": {"docker-content-digest": "nonsense"}}, False),
        ({"status_code": 404}, False),
        ({"status_code": 404, "request": asked("GET", "manifests/latest")}, False),
        ({"status_code": 404, "request": asked("GET", f"manifests/sha256-{'0' * 64}.sig")}, True),
        ({"status_code": 404, "request": asked("GET", f"referrers/sha256:{'0' * 64}?n=5")}, True),
        ({"status_code": 206}, False),
        ({"content": b"<html>"}, False),
        ({"content": b""}, False),
        ({"content": b"[]"}, False),
        ({"request": HEAD, "content": b""}, False),
        ({"request": HEAD, "content": b"", "headers": {"docker-content-digest": OTHER}}, True),
    ],
)
def test_what_is_worth_keeping(changes: dict[str, Any], worth: bool) -> None:  # noqa: FBT001 - a row
    assert worth_keeping(answer(**changes)) is worth


@pytest.mark.parametrize(
    ("age", "changes", "settings", "believed"),
    [
        (10, {}, {}, True),
        (1000, {}, {}, False),
        (-1000, {}, {}, False),
        (1000, {"revalidated": True}, {}, True),
        (10, {}, {"tag_ttl": 0}, False),
        (10**8, {}, {"offline": True, "tag_ttl": 0}, True),
        (10, {"content": b"damaged"}, {"offline": True}, False),
    ],
)
def test_what_is_believed(age: int, changes: dict[str, Any], settings: dict[str, Any], believed: bool) -> None:  # noqa: FBT001 - a row
    kept = answer(created_at=datetime.now(UTC) - timedelta(seconds=age), **changes)
    assert is_believed(kept, Settings(**settings)) is believed
