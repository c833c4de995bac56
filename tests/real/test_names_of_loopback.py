"""One registry on this machine, under every name that this machine has for itself."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

import ocinb
from tests.real import dockerregistry
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("name", ["localhost", "LocalHost", "registry.localhost"])
def test_localhost_is_asked_in_the_clear(name: str, real_images: RealImages) -> None:
    there = real_images.busybox_oci.replace("127.0.0.1", name)
    assert_same(frames_of(there), frames_of(real_images.busybox_oci))


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_is_a_name(docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path) -> None:
    with dockerregistry.serve(tmp_path, storage=docker_registry.storage, host="[::1]:0") as registry:
        assert registry.host.startswith("[::1]:")
        there = registry.reference(real_images.index)
        assert_same(frames_of(there), frames_of(real_images.index))
        assert ocinb.tags(there.rpartition(":")[0])["registry"].unique().tolist() == [registry.host]
        frame = ocinb.pull(registry.reference(real_images.busybox_oci), destination=tmp_path / "it", progress=False)
        assert set(frame["outcome"]) == {"downloaded"}
        assert "real/busybox" in set(ocinb.repositories(registry.host)["repository"])
