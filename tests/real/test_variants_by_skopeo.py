"""The registries that tests run in many ways are such as skopeo takes them for: what we read of them counts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import tokenserver
from tests.patience import SECONDS
from tests.real import blobserver, dockerregistry, logins, tools
from tests.real.certificates import LOOPBACK, make_authority
from tests.real.dockerregistry import DockerRegistry
from tests.real.forwarders import forwarding
from tests.real.logins import ADA
from tests.real.realimages import RealImages
from tests.real.relays import relaying

pytestmark = pytest.mark.real

LOGIN = f"--creds={':'.join(ADA)}"
NAME = "registry.test"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def inspected(reference: str, *flags: str, proxy: str | None = None) -> str:
    """Give an image's config as skopeo fetches it, for which it has to find a blob; or why it does not."""
    command = [tools.require("skopeo"), "inspect", "--config", "--raw", *flags, f"docker://{reference}"]
    environment = {**os.environ, **({"HTTPS_PROXY": proxy, "NO_PROXY": ""} if proxy else {})}
    done = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=SECONDS)
    return done.stdout.decode() if done.returncode == 0 else f"refused: {done.stderr.decode()}"


@pytest.fixture
def config(real_images: RealImages) -> str:
    told = inspected(real_images.busybox_oci, "--tls-verify=false")
    assert '"rootfs"' in told
    return told


def test_passwords(
    stack: ExitStack, docker_registry: DockerRegistry, real_images: RealImages, config: str, tmp_path: Path
) -> None:
    section = logins.section(tmp_path)
    registry = stack.enter_context(dockerregistry.serve(tmp_path, section, storage=docker_registry.storage))
    reference = registry.reference(real_images.busybox_oci)
    assert inspected(reference, "--tls-verify=false", LOGIN) == config
    assert inspected(reference, "--tls-verify=false", "--creds=ada:wrong").startswith("refused")


def test_tokens(
    stack: ExitStack, docker_registry: DockerRegistry, real_images: RealImages, config: str, tmp_path: Path
) -> None:
    tokens = stack.enter_context(tokenserver.serve(tmp_path, users=dict([ADA])))
    section = {"auth": {"token": logins.token_section(tokens)}}
    registry = stack.enter_context(dockerregistry.serve(tmp_path, section, storage=docker_registry.storage))
    reference = registry.reference(real_images.busybox_oci)
    assert inspected(reference, "--tls-verify=false", LOGIN) == config
    assert inspected(reference, "--tls-verify=false", "--creds=ada:wrong").startswith("refused")
    assert {asked.status for asked in tokens.requests} == {200, 401}


def test_tls(
    stack: ExitStack, docker_registry: DockerRegistry, real_images: RealImages, config: str, tmp_path: Path
) -> None:
    authority = make_authority(tmp_path)
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    (trusted / "authority.crt").write_bytes(authority.bundle.read_bytes())
    section = {"http": {"tls": authority.issue(LOOPBACK)}}
    registry = stack.enter_context(dockerregistry.serve(tmp_path, section, storage=docker_registry.storage))
    reference = registry.reference(real_images.busybox_oci)
    assert inspected(reference, f"--cert-dir={trusted}") == config
    assert inspected(reference).startswith("refused")


def test_redirects(
    stack: ExitStack, docker_registry: DockerRegistry, real_images: RealImages, config: str, tmp_path: Path
) -> None:
    blobs = stack.enter_context(blobserver.serve(docker_registry.storage))
    registry = stack.enter_context(dockerregistry.serve(tmp_path, blobs.section, storage=docker_registry.storage))
    assert inspected(registry.reference(real_images.busybox_oci), "--tls-verify=false") == config
    assert len(blobs.requests) == 1


def test_a_relay(stack: ExitStack, docker_registry: DockerRegistry, real_images: RealImages, config: str) -> None:
    line = stack.enter_context(relaying(docker_registry.host))
    assert inspected(line.name(real_images.busybox_oci), "--tls-verify=false") == config
    assert line.passed > len(config)


@pytest.mark.parametrize("login", [None, ("desk-17", "s3cret-of-proxy")], ids=["open", "with-a-password"])
def test_a_proxy(
    stack: ExitStack,
    docker_registry: DockerRegistry,
    real_images: RealImages,
    config: str,
    tmp_path: Path,
    *,
    login: logins.Pair | None,
) -> None:
    section = {"http": {"tls": make_authority(tmp_path).issue(NAME)}}
    registry = stack.enter_context(dockerregistry.serve(tmp_path, section, storage=docker_registry.storage))
    proxy = stack.enter_context(forwarding({NAME: registry.host}, login=login))
    reference = f"{NAME}/{real_images.busybox_oci.partition('/')[2]}"
    assert inspected(reference, "--tls-verify=false", proxy=proxy.url) == config
    assert {seen.target for seen in proxy.requests} == {f"{NAME}:443"}
