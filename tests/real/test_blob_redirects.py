"""A real registry that sends people elsewhere for its blobs: they come from there, and no secret goes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import IntegrityError, NotFoundError, OcinbError, TransportError
from tests.real import blobserver, dockerregistry, logins
from tests.real.blobserver import BlobServer
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry
from tests.real.processes import free_host
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real


@pytest.fixture
def blobs(docker_registry: DockerRegistry) -> Iterator[BlobServer]:
    with blobserver.serve(docker_registry.storage) as server:
        yield server


@pytest.fixture
def redirecting(
    docker_registry: DockerRegistry, blobs: BlobServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DockerRegistry]:
    """Run a registry that wants a password, gives documents itself and has blobs elsewhere."""
    monkeypatch.setattr("ocinb.transfer.FIRST_PAUSE_SECONDS", 0.0)
    sections = {**blobs.section, **logins.section(tmp_path)}
    with dockerregistry.serve(tmp_path, sections, storage=docker_registry.storage) as registry:
        ocinb.settings.credentials[registry.host] = logins.ADA
        yield registry


def secrets(registry: DockerRegistry) -> list[str]:
    return ["uthorization", logins.ADA[1], logins.basic(logins.ADA), registry.host]


def test_configs_come_from_there(redirecting: DockerRegistry, blobs: BlobServer, real_images: RealImages) -> None:
    assert_same(frames_of(redirecting.reference(real_images.busybox_oci)), frames_of(real_images.busybox_oci))
    assert len(blobs.requests) == 1, "the config, and it only once"


def test_a_pull_is_whole_and_no_secret_went_along(
    redirecting: DockerRegistry, blobs: BlobServer, real_images: RealImages, tmp_path: Path
) -> None:
    here = ocinb.pull(redirecting.reference(real_images.debian_oci), destination=tmp_path / "here", progress=False)
    there = ocinb.pull(real_images.debian_oci, destination=tmp_path / "there", progress=False)
    assert here["digest"].tolist() == there["digest"].tolist()
    for one, other in zip(here["path"], there["path"], strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()
    assert len(blobs.requests) == len(here)
    sent = "\n".join(seen.everything.replace(seen.headers["Host"], "") for seen in blobs.requests)
    assert not [secret for secret in secrets(redirecting) if secret in sent]


def test_what_breaks_off_there_is_resumed_there(
    redirecting: DockerRegistry, blobs: BlobServer, real_images: RealImages, tmp_path: Path
) -> None:
    broken: set[str] = set()

    def once(path: str, part: bytes) -> bytes:
        if len(part) < 100_000 or path in broken:
            return part
        broken.add(path)
        return part[: len(part) // 2]

    blobs.spoil = once
    frame = ocinb.pull(redirecting.reference(real_images.debian_oci), destination=tmp_path, progress=False)
    assert broken
    ranges = [seen for seen in blobs.requests if "Range" in seen.headers]
    assert len(ranges) == len(broken)
    assert not [seen for seen in ranges if "uthorization" in seen.everything]
    assert frame["fetched_bytes"].sum() == frame["blob_bytes"].sum(), "nothing came twice"


def as_it_is(_: str, body: bytes) -> bytes:
    return body


def as_zeros(_: str, body: bytes) -> bytes:
    return bytes(len(body))


@pytest.mark.parametrize(
    ("status", "spoil", "error", "words"),
    [
        (404, as_it_is, NotFoundError, "there is no"),
        (403, as_it_is, TransportError, "403"),
        (200, as_zeros, IntegrityError, "sha256"),
    ],
    ids=["gone", "forbidden", "other-bytes"],
)
def test_what_is_wrong_there_is_said(
    redirecting: DockerRegistry,
    blobs: BlobServer,
    real_images: RealImages,
    status: int,
    spoil: Callable[[str, bytes], bytes],
    error: type[OcinbError],
    words: str,
) -> None:
    blobs.status, blobs.spoil = status, spoil
    with pytest.raises(error, match=words):
        ocinb.layers(redirecting.reference(real_images.busybox_oci))
    kept = [path.read_bytes() for path in ocinb.settings.store_dir.rglob("*") if path.is_file()]
    assert kept, "the manifest"
    assert not [raw for raw in kept if b"\0" * 50 in raw]


def test_a_second_server_that_is_down_is_named(
    docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    nobody = BlobServer(docker_registry.storage, free_host())
    with (
        dockerregistry.serve(tmp_path, nobody.section, storage=docker_registry.storage) as registry,
        pytest.raises(TransportError, match=nobody.host),
    ):
        ocinb.layers(registry.reference(real_images.busybox_oci))
