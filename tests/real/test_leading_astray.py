"""A real registry that seems to be far away and sends people into this machine: nobody goes, and no secret does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import AuthError, TransportError
from tests import tokenserver
from tests.real import blobserver, dockerregistry, logins
from tests.real.certificates import make_authority
from tests.real.dockerregistry import DockerRegistry, Section
from tests.real.forwarders import forwarding
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real

# Names that only the proxy resolves; what stands behind them cannot be told from what stands on the internet.
NAME, CLEAR = "registry.test", "clear.test"


@contextmanager
def far_away(
    place: Path, open_registry: DockerRegistry, sections: Section, monkeypatch: pytest.MonkeyPatch, *, tls: bool = False
) -> Iterator[str]:
    """Run a registry behind a proxy, and give the name under which the proxy finds it."""
    authority = make_authority(place)
    ocinb.settings.ca_bundle = authority.bundle
    ocinb.settings.insecure_registries = (CLEAR,)
    secured = {"http": {"tls": authority.issue(NAME)}} if tls else {}
    with dockerregistry.serve(place, {**sections, **secured}, storage=open_registry.storage) as registry:
        name = NAME if tls else CLEAR
        with forwarding({name: registry.host}) as proxy:
            for variable in ("HTTPS_PROXY", "HTTP_PROXY"):
                monkeypatch.setenv(variable, proxy.url)
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)
            ocinb.settings.credentials[name] = logins.ADA
            yield name


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_blobs_are_not_fetched_from_loopback(
    docker_registry: DockerRegistry,
    real_images: RealImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    tls: bool,
) -> None:
    with (
        blobserver.serve(docker_registry.storage) as blobs,
        far_away(tmp_path, docker_registry, blobs.section, monkeypatch, tls=tls) as name,
    ):
        reference = f"{name}/{real_images.busybox_oci.partition('/')[2]}"
        assert ocinb.document(reference).media_type, "the documents are its own"
        with pytest.raises(TransportError, match="refused"):
            ocinb.layers(reference)
    assert blobs.requests == []


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_tokens_are_not_asked_for_on_loopback(
    docker_registry: DockerRegistry,
    real_images: RealImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    tls: bool,
) -> None:
    with tokenserver.serve(tmp_path) as tokens:
        section = {"auth": {"token": logins.token_section(tokens)}}
        with (
            far_away(tmp_path, docker_registry, section, monkeypatch, tls=tls) as name,
            pytest.raises(AuthError, match="refused"),
        ):
            ocinb.document(f"{name}/{real_images.busybox_oci.partition('/')[2]}")
    assert tokens.requests == []
