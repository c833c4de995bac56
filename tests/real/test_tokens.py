"""A real registry that believes tokens of a service: they are fetched, kept, renewed, and never told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

import ocinb
from ocinb.errors import AuthError
from tests import tokenserver
from tests.real import dockerregistry, logins
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry
from tests.real.logins import ADA
from tests.real.realimages import RealImages
from tests.tokenserver import TokenServer

pytestmark = pytest.mark.real

# For how many seconds docker-registry lets a token in that has expired.
REGISTRY_FORGIVES = 60


@contextmanager
def guarded_by(tokens: TokenServer, place: Path, open_registry: DockerRegistry) -> Iterator[DockerRegistry]:
    with dockerregistry.serve(
        place, {"auth": {"token": logins.token_section(tokens)}}, storage=open_registry.storage
    ) as registry:
        yield registry


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_token_opens_all_that_an_open_registry_shows(
    algorithm: Literal["ES256", "RS256"], docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    with (
        tokenserver.serve(tmp_path, algorithm=algorithm) as tokens,
        guarded_by(tokens, tmp_path, docker_registry) as registry,
    ):
        assert_same(frames_of(registry.reference(real_images.index)), frames_of(real_images.index))
        assert len(ocinb.tags(registry.reference(real_images.index).rpartition(":")[0]))
        assert "real/multi" in set(ocinb.repositories(registry.host)["repository"])
        assert [asked.scopes for asked in tokens.requests] == [["repository:real/multi:pull"], ["registry:catalog:*"]]
        assert {asked.header("Authorization") for asked in tokens.requests} == {None}


def test_a_pull_takes_one_token_for_all_its_blobs(
    token_registry: DockerRegistry, tokens: TokenServer, real_images: RealImages, tmp_path: Path
) -> None:
    frame = ocinb.pull(token_registry.reference(real_images.debian_oci), destination=tmp_path / "it", progress=False)
    assert set(frame["outcome"]) == {"downloaded"}
    assert [asked.scopes for asked in tokens.requests] == [["repository:real/debian:pull"]]
    assert tokens.requests[0].user == ADA[0]
    assert token_registry.statuses.count(401) == 1


def test_an_expired_token_is_renewed(
    token_registry: DockerRegistry, tokens: TokenServer, real_images: RealImages
) -> None:
    tokens.life, tokens.said_life = -120, 300  # it says that it lives, and the registry finds that it does not
    with pytest.raises(AuthError, match="401"):
        ocinb.document(token_registry.reference(real_images.busybox_oci))
    asked = len(tokens.requests)
    assert asked <= 2, "no endless asking"
    tokens.life, tokens.said_life = 300, None
    assert ocinb.document(token_registry.reference(real_images.busybox_oci)).media_type
    assert len(tokens.requests) == asked + 1


def test_a_token_that_expires_between_two_questions_is_renewed(
    token_registry: DockerRegistry, tokens: TokenServer, real_images: RealImages
) -> None:
    tokens.life, tokens.said_life = 1 - REGISTRY_FORGIVES, 300
    assert ocinb.document(token_registry.reference(real_images.busybox_oci)).media_type
    time.sleep(2.1)  # the registry's clock cannot be set, and it counts whole seconds
    tokens.life = 300
    assert ocinb.document(token_registry.reference(real_images.busybox_zstd)).media_type
    assert len(tokens.requests) == 2
    assert token_registry.statuses == [401, 200, 401, 200]


def test_a_token_that_opens_too_little_is_asked_for_once_more(
    token_registry: DockerRegistry, tokens: TokenServer, real_images: RealImages
) -> None:
    tokens.withhold(1)
    assert ocinb.document(token_registry.reference(real_images.busybox_oci)).media_type
    assert len(tokens.requests) == 2


def test_who_may_see_nothing_is_told_so(
    token_registry: DockerRegistry, tokens: TokenServer, real_images: RealImages
) -> None:
    tokens.withhold(100)
    with pytest.raises(AuthError) as caught:
        ocinb.document(token_registry.reference(real_images.busybox_oci))
    assert token_registry.host in str(caught.value)
    assert len(tokens.requests) <= 2


@pytest.mark.parametrize("pair", [None, ("ada", "wrong-one")], ids=["nobody", "wrong"])
def test_without_the_right_password_there_is_no_token(
    token_registry: DockerRegistry, tokens: TokenServer, real_images: RealImages, pair: logins.Pair | None
) -> None:
    del ocinb.settings.credentials[token_registry.host]
    if pair:
        ocinb.settings.credentials[token_registry.host] = pair
    with pytest.raises(AuthError) as caught:
        ocinb.document(token_registry.reference(real_images.busybox_oci))
    assert "wrong-one" not in str(caught.value)
    assert len(tokens.requests) == 1


def test_nothing_that_was_kept_has_a_token_in_it(
    token_registry: DockerRegistry, tokens: TokenServer, real_images: RealImages
) -> None:
    signed: list[str] = []
    sign = tokens._signed

    def remembering(claims: dict[str, object]) -> str:
        signed.append(sign(claims))
        return signed[-1]

    tokens.sign = remembering
    ocinb.tags(token_registry.reference(real_images.index).rpartition(":")[0], digests=True)
    kept = [path for place in (ocinb.settings.cache_dir, ocinb.settings.store_dir) for path in place.rglob("*")]
    contents = b"".join(path.read_bytes() for path in kept if path.is_file())
    assert signed
    assert len(contents) > 1000
    assert not [secret for secret in (*signed, ADA[1], logins.basic(ADA)) if secret.encode() in contents]
