"""Habits that a real registry can be given: pages, limits that it tells of, warnings, and images of somebody else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import NotFoundError, TransportError
from tests.real import dockerregistry
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry, Section
from tests.real.realimages import RealImages
from tests.real.relays import relaying

pytestmark = pytest.mark.real

HEADERS = {
    "RateLimit-Limit": ["100;w=21600"],
    "RateLimit-Remaining": ["76;w=21600"],
    "Docker-RateLimit-Source": ["192.0.2.7"],
    "Warning": ['299 - "this registry closes in May"'],
}


@pytest.fixture
def telling(docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path) -> Iterator[DockerRegistry]:
    """Run a registry that tells of its limits and its end."""
    assert real_images.index, "they are in the storage before this registry opens"
    with dockerregistry.serve(tmp_path, {"http": {"headers": HEADERS}}, storage=docker_registry.storage) as registry:
        yield registry


def test_limits_that_are_told_are_shown(telling: DockerRegistry) -> None:
    [row] = ocinb.rate_limit(telling.host).to_dict("records")
    assert (row["limit"], row["remaining"], row["window_seconds"]) == (100, 76, 21600)


def test_limits_that_are_not_told_are_unknown(docker_registry: DockerRegistry, real_images: RealImages) -> None:
    assert real_images.index
    frame = ocinb.rate_limit(docker_registry.host)
    assert frame[["limit", "remaining", "window_seconds", "reset_at"]].isna().all(axis=None)


def test_a_warning_is_logged_once(
    telling: DockerRegistry, real_images: RealImages, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="ocinb"):
        ocinb.layers(telling.reference(real_images.index), platform="all")
        ocinb.tags(telling.reference(real_images.index).rpartition(":")[0], digests=True)
    assert sum("this registry closes in May" in record.getMessage() for record in caplog.records) == 1


def test_a_catalogue_of_many_pages_is_read_to_its_end(tmp_path: Path) -> None:
    names = [f"team-{number // 100:02}/app-{number:04}" for number in range(1234)]
    repositories = tmp_path / "storage" / "docker" / "registry" / "v2" / "repositories"
    for name in names:
        (repositories / name / "_layers").mkdir(parents=True)
    with dockerregistry.serve(tmp_path, storage=tmp_path / "storage") as registry:
        assert ocinb.repositories(registry.host)["repository"].tolist() == names
        pages = [request for request in registry.requests if "_catalog" in request]
    assert len(pages) == 2
    assert "last=" in pages[1]


def test_an_empty_registry_has_nothing(tmp_path: Path) -> None:
    with dockerregistry.serve(tmp_path) as registry:
        assert ocinb.repositories(registry.host).empty
        with pytest.raises(NotFoundError, match="there is no repository"):
            ocinb.tags(f"{registry.host}/no/where")
        with pytest.raises(NotFoundError, match="no/where"):
            ocinb.layers(f"{registry.host}/no/where:1")


@pytest.mark.parametrize("name", ["{host}", "user@{host}", "{host}@evil.example", "evil.example"])
def test_a_list_that_goes_on_elsewhere_is_refused(
    docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path, name: str
) -> None:
    assert real_images.index
    with relaying(docker_registry.host) as line:
        link = f'<http://{name.format(host=line.host)}/v2/real/multi/tags/list?last=a>; rel="next"'
        sections = {"http": {"headers": {"Link": [link]}}}
        with dockerregistry.serve(tmp_path, sections, storage=docker_registry.storage) as registry:
            ocinb.settings.credentials[registry.host] = ("ada", "s3cret-of-ada")
            with pytest.raises(TransportError, match=r"refused|cannot be read"):
                ocinb.tags(f"{registry.host}/real/multi")
        assert line.calls == 0, "nobody went there"


def test_a_cookie_is_neither_kept_nor_shown(
    docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    assert real_images.index
    sections = {"http": {"headers": {"Set-Cookie": ["session=s3cret-cookie; Path=/"]}}}
    with (
        dockerregistry.serve(tmp_path, sections, storage=docker_registry.storage) as registry,
        ocinb.trace(fresh=False) as trace,
    ):
        ocinb.tags(f"{registry.host}/real/multi", digests=True)
    kept = [path.read_bytes() for path in ocinb.settings.cache_dir.rglob("*") if path.is_file()]
    assert b"real/multi" in b"".join(kept)
    assert b"s3cret-cookie" not in b"".join(kept)
    assert "s3cret-cookie" not in str(trace.frame.to_dict("records"))


@pytest.fixture
def mirror_section(docker_registry: DockerRegistry) -> Section:
    return {"proxy": {"remoteurl": f"http://{docker_registry.host}"}}


def test_a_mirror_gives_what_the_registry_behind_it_has(
    docker_registry: DockerRegistry, mirror_section: Section, real_images: RealImages, tmp_path: Path
) -> None:
    with dockerregistry.serve(tmp_path, mirror_section) as mirror:
        for name in (real_images.index, real_images.busybox_docker, real_images.busybox_zstd):
            assert_same(frames_of(mirror.reference(name)), frames_of(name))
        frame = ocinb.pull(mirror.reference(real_images.busybox_oci), destination=tmp_path / "it", progress=False)
        assert set(frame["outcome"]) == {"downloaded"}
        with pytest.raises(NotFoundError):
            ocinb.document(mirror.reference(real_images.index.rpartition(":")[0]) + ":nothing")
    assert mirror.host != docker_registry.host


def test_offline_only_this_machine_is_asked(
    docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    with dockerregistry.serve(tmp_path, storage=docker_registry.storage) as registry:
        reference = registry.reference(real_images.index)
        repository = reference.rpartition(":")[0]
        online, tags = frames_of(reference), ocinb.tags(repository)
        noted = len(registry.requests)
        ocinb.settings.offline, ocinb.settings.tag_ttl = True, 0
        assert_same(frames_of(reference), online)
        assert ocinb.tags(repository).equals(tags)
        with pytest.raises(TransportError, match="offline"):
            ocinb.layers(registry.reference(real_images.debian_oci))
        assert len(registry.requests) == noted, "nobody was asked"
    assert_same(frames_of(reference), online)
