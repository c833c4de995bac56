"""What a tag points at is confirmed without its body: by its ETag, or by a HEAD where a registry gives none."""

from __future__ import annotations

import pytest

from ocinb._settings import settings
from ocinb.errors import NotFoundError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
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


def test_a_tag_that_is_gone_is_told(plain: SampleRegistry) -> None:
    settings.tag_ttl = 0
    ask(plain)
    plain.untag("demo/shop", "2.0")
    with pytest.raises(NotFoundError):
        ask(plain)


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
