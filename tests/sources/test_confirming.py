"""What a tag points at is confirmed without its body: by its ETag, or by a HEAD where a registry gives none."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from ocinb._settings import settings
from ocinb.errors import NotFoundError, RateLimitError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import close_default_session
from tests.transferring import open_repository

DOCUMENT = "/v2/demo/shop/manifests/2.0"


def without_etag(registry: SampleRegistry, **more: str | None) -> None:
    """Let a registry give no ETag, as GitLab's and django-oci do, and other headers if need be."""
    for method in ("GET", "HEAD"):
        registry.fault("*/manifests/*", method=method, headers={"ETag": None, **more}, times=None)


def ask(registry: SampleRegistry) -> str:
    return open_repository(registry).resolve("2.0").digest


def asked(registry: SampleRegistry) -> list[tuple[str, str, int | None]]:
    return [(request.method, request.path, request.status) for request in registry.requests]


@pytest.fixture
def plain(registry: SampleRegistry) -> SampleRegistry:
    without_etag(registry)
    return registry


@pytest.mark.parametrize(
    ("make", "question"),
    [(lambda _: None, ("GET", DOCUMENT, 304)), (without_etag, ("HEAD", DOCUMENT, 200))],
    ids=["an ETag", "a digest alone"],
)
def test_one_question_without_a_body_confirms_it(
    registry: SampleRegistry, make: Callable[[SampleRegistry], None], question: tuple[str, str, int]
) -> None:
    make(registry)
    settings.tag_ttl = 0
    digest = ask(registry)
    for _ in range(2):
        assert ask(registry) == digest
    assert asked(registry) == [("GET", DOCUMENT, 200), question, question]


def test_what_was_confirmed_lives_anew(plain: SampleRegistry) -> None:
    ask(plain)
    close_default_session()
    _make_old()
    for _ in range(3):
        ask(plain)
    assert [method for method, *_ in asked(plain)] == ["GET", "HEAD"]
    close_default_session()
    ask(plain)
    assert len(plain.requests) == 2


def test_a_tag_that_moved_is_read(plain: SampleRegistry) -> None:
    settings.tag_ttl = 0
    old = ask(plain)
    plain.tag("demo/shop", "2.0", open_repository(plain).resolve("1.0").digest)
    new = ask(plain)
    assert new == open_repository(plain).head("1.0") != old
    assert [method for method, path, _ in asked(plain) if path == DOCUMENT] == ["GET", "HEAD", "GET"]
    assert ask(plain) == new
    assert asked(plain)[-1] == ("HEAD", DOCUMENT, 200)


def test_a_tag_that_moved_back_is_seen_whatever_its_date(registry: SampleRegistry) -> None:
    without_etag(registry, **{"Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"})
    settings.tag_ttl = 0
    old = ask(registry)
    registry.tag("demo/shop", "2.0", open_repository(registry).resolve("1.0").digest)
    assert ask(registry) != old


def test_a_tag_that_is_gone_is_told(plain: SampleRegistry) -> None:
    settings.tag_ttl = 0
    ask(plain)
    plain.untag("demo/shop", "2.0")
    with pytest.raises(NotFoundError):
        ask(plain)


@pytest.mark.parametrize("status", [400, 404, 405, 500, 501])
def test_a_registry_that_knows_no_head_is_asked_for_the_whole(plain: SampleRegistry, status: int) -> None:
    settings.tag_ttl = settings.retries = 0
    digest = ask(plain)
    plain.fault(DOCUMENT, method="HEAD", status=status, times=None)
    plain._faults.reverse()  # the first that fits strikes
    assert ask(plain) == digest
    assert [(method, code) for method, _, code in asked(plain)] == [("GET", 200), ("HEAD", status), ("GET", 200)]


def test_one_that_gives_neither_is_asked_for_the_whole(registry: SampleRegistry) -> None:
    without_etag(registry, **{"Docker-Content-Digest": None})
    settings.tag_ttl = 0
    assert ask(registry) == ask(registry)
    assert [method for method, *_ in asked(registry)] == ["GET", "GET"]


def test_one_that_wants_to_be_left_alone_is(plain: SampleRegistry) -> None:
    settings.tag_ttl = settings.retries = 0
    ask(plain)
    plain.fault(DOCUMENT, method="HEAD", status=429, headers={"Retry-After": "1000"})
    plain._faults.reverse()
    with pytest.raises(RateLimitError):
        ask(plain)
    assert [method for method, *_ in asked(plain)] == ["GET", "HEAD"]


def test_a_token_that_is_over_is_renewed_on_the_way() -> None:
    settings.tag_ttl = 0
    with start_registry(token=True) as registry:
        without_etag(registry)
        digest = ask(registry)
        registry.revoke_tokens()
        before = len(registry.requests)
        assert ask(registry) == digest
        assert [(method, status) for method, _, status in asked(registry)[before:]] == [
            ("HEAD", 401),
            ("GET", 200),
            ("HEAD", 200),
        ]


def test_what_was_damaged_meanwhile_is_not_confirmed_but_read(plain: SampleRegistry) -> None:
    digest = ask(plain)
    close_default_session()
    with closing(sqlite3.connect(settings.cache_dir / "responses.sqlite")) as connection:
        [(value,)] = connection.execute("SELECT value FROM responses").fetchall()
        changed = json.dumps({**json.loads(value), "_content": "e30="})
        connection.execute("UPDATE responses SET value = ?, expires = 0", (changed,))
        connection.commit()
    settings.tag_ttl = 0
    assert ask(plain) == digest
    assert [method for method, *_ in asked(plain)] == ["GET", "GET"]


@pytest.mark.parametrize("said", ["nonsense", "sha256:" + "0" * 64, None])
def test_a_head_that_says_something_else_confirms_nothing(plain: SampleRegistry, said: str | None) -> None:
    settings.tag_ttl = 0
    digest = ask(plain)
    plain.fault(DOCUMENT, method="HEAD", headers={"Docker-Content-Digest": said})
    plain._faults.reverse()
    assert ask(plain) == digest
    assert [method for method, *_ in asked(plain)] == ["GET", "HEAD", "GET"]


def test_a_head_that_breaks_off_is_an_error_and_not_for_ever(plain: SampleRegistry) -> None:
    settings.tag_ttl = settings.retries = 0
    digest = ask(plain)
    plain.fault(DOCUMENT, method="HEAD", drop=True)
    plain._faults.reverse()
    with pytest.raises(TransportError):
        ask(plain)
    assert ask(plain) == digest


def _make_old() -> None:
    with closing(sqlite3.connect(settings.cache_dir / "responses.sqlite")) as connection:
        [(value,)] = connection.execute("SELECT value FROM responses").fetchall()
        old = json.dumps({**json.loads(value), "created_at": "2025-01-01T00:00:00+00:00"})
        connection.execute("UPDATE responses SET value = ?, expires = 0", (old,))
        connection.commit()
