"""A real registry that is read-only, from which things were deleted, or that collected its garbage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import NotFoundError
from tests.real import dockerregistry, uploads
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import Layout, RealImages

pytestmark = pytest.mark.real


@pytest.fixture
def own(tmp_path: Path) -> Iterator[DockerRegistry]:
    """Run a registry with a storage of its own, for those who spoil it."""
    place = tmp_path / "registry"
    place.mkdir()
    with dockerregistry.serve(place) as registry:
        yield registry


def test_a_read_only_registry_is_read(
    docker_registry: DockerRegistry, real_images: RealImages, busybox_layout: Layout, tmp_path: Path
) -> None:
    sections = {"storage": {"maintenance": {"readonly": {"enabled": True}}}}
    with dockerregistry.serve(tmp_path, sections, storage=docker_registry.storage) as registry:
        with pytest.raises(RuntimeError, match="skopeo"):
            registry.push(busybox_layout.reference, "real/new:1")
        assert_same(frames_of(registry.reference(real_images.index)), frames_of(real_images.index))
        frame = ocinb.pull(registry.reference(real_images.busybox_zstd), destination=tmp_path / "it", progress=False)
        assert set(frame["outcome"]) == {"downloaded"}
        assert "real/busybox" in set(ocinb.repositories(registry.host)["repository"])


def test_a_deleted_manifest_is_not_found_and_its_tag_has_no_digest(own: DockerRegistry, busybox_layout: Layout) -> None:
    reference = own.push(busybox_layout.reference, "real/shop:gone")
    own.push(f"oci:{busybox_layout.path}:arm64", "real/shop:kept")
    digest = ocinb.document(reference).digest
    uploads.delete(f"http://{own.host}/v2/real/shop/manifests/{digest}")
    ocinb.settings.tag_ttl = 0
    tags = ocinb.tags(f"{own.host}/real/shop", digests=True)
    told = dict(zip(tags["tag"], tags["digest"].isna(), strict=True))
    # docker-registry lists no tag whose manifest is gone; others go on listing it.
    assert told.pop("kept") == False  # noqa: E712 - numpy's
    assert all(told.values())
    with pytest.raises(NotFoundError, match="there is no tag 'gone'"):
        ocinb.document(reference)
    # What was once read by its digest is never asked for again.
    assert ocinb.document(f"{own.host}/real/shop@{digest}").digest == digest
    ocinb.settings.store_dir = ocinb.settings.store_dir / "anew"
    with pytest.raises(NotFoundError, match=r"there is no (manifest|blob)"):
        ocinb.document(f"{own.host}/real/shop@{digest}")


def test_a_collected_blob_is_not_found_by_name(own: DockerRegistry, busybox_layout: Layout, tmp_path: Path) -> None:
    reference = own.push(busybox_layout.reference, "real/shop:1.0")
    layers = ocinb.layers(reference)
    gone = layers["digest"].iloc[-1]
    uploads.delete(f"http://{own.host}/v2/real/shop/blobs/{gone}")
    with pytest.raises(NotFoundError, match=gone) as caught:
        ocinb.pull(reference, destination=tmp_path / "pulled", progress=False)
    assert reference in str(caught.value)
    assert not (tmp_path / "pulled" / "blobs" / "sha256" / gone.removeprefix("sha256:")).exists()
    index = tmp_path / "pulled" / "index.json"
    assert not index.exists() or reference not in index.read_text(encoding="utf-8"), "a part of an image has no name"
    skipped = ocinb.pull(reference, destination=tmp_path / "pulled", progress=False, errors="skip")
    assert skipped.empty
    assert [failure["reference"] for failure in skipped.attrs["failures"]] == [reference]


def test_what_the_collector_took_is_not_found(own: DockerRegistry, busybox_layout: Layout) -> None:
    reference = own.push(busybox_layout.reference, "real/shop:1.0")
    digest = ocinb.document(reference).digest
    layer = ocinb.layers(reference)["digest"].iloc[0]
    uploads.delete(f"http://{own.host}/v2/real/shop/manifests/{digest}")
    dockerregistry.collect_garbage(own)
    ocinb.settings.store_dir = ocinb.settings.store_dir / "anew"
    ocinb.settings.tag_ttl = 0
    for name in (":1.0", f"@{digest}", f"@{layer}"):
        with pytest.raises(NotFoundError):
            ocinb.document(f"{own.host}/real/shop{name}")


def test_a_repository_without_tags_has_none(own: DockerRegistry, busybox_layout: Layout) -> None:
    reference = own.push(busybox_layout.reference, "real/shop:1.0")
    uploads.delete(f"http://{own.host}/v2/real/shop/manifests/{ocinb.document(reference).digest}")
    ocinb.settings.tag_ttl = 0
    # distribution 2.8 says null for the tags of such a repository, where the specification has a list.
    assert ocinb.tags(f"{own.host}/real/shop").empty
