"""What is kept of real images: after all else was pruned, skopeo and umoci still read what was pulled."""

from __future__ import annotations

import pytest

import ocinb
from ocinb._settings import settings
from tests.real import tools
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real


def test_a_pruned_store_has_its_images_whole(real_images: RealImages) -> None:
    pulled, other = real_images.busybox_oci, real_images.debian_oci
    digest = ocinb.pull(pulled, progress=False)["manifest_digest"].iloc[0]
    ocinb.layers([other, real_images.index], platform="all")
    removed = ocinb.store.prune(keep_bytes=0).set_index("kind")["entries"]
    assert removed["blobs"] >= 4
    assert removed["responses"] >= 3
    store = f"oci:{settings.store_dir}:{pulled}"
    assert tools.skopeo_raw(store) == tools.skopeo_raw(pulled)
    tools.run("skopeo", "copy", store, f"dir:{settings.store_dir}/copy")
    assert tools.umoci_stat(settings.store_dir, pulled)["history"]
    settings.offline = True  # the tag was forgotten with all answers, what it pointed at was not
    by_digest = f"{pulled.rpartition(':')[0]}@{digest}"
    assert set(ocinb.pull(by_digest, verify="full", progress=False)["outcome"]) == {"present"}


def test_a_tag_of_a_real_registry_is_confirmed_without_its_body(
    docker_registry: DockerRegistry, real_images: RealImages
) -> None:
    settings.tag_ttl = 0
    digest = ocinb.document(real_images.busybox_oci).digest
    before = len(docker_registry.requests)
    with ocinb.trace() as trace:
        assert ocinb.document(real_images.busybox_oci).digest == digest
    assert len(docker_registry.requests) == before + 1
    assert docker_registry.statuses[-1] == 304
    assert trace.frame[["status", "transferred_bytes"]].to_numpy().tolist() == [[304, 0]]
