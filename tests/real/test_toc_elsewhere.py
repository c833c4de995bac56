"""eStargz behind the manners of registries: tokens, blobs that are elsewhere, and parts that nobody gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import ocinb
from ocinb.errors import IntegrityError
from tests import tokenserver
from tests.localfiles import write_layout
from tests.real import blobserver, dockerregistry, logins
from tests.real.blobserver import BlobServer
from tests.real.djangooci import DjangoOci
from tests.real.dockerregistry import DockerRegistry
from tests.real.lazyimages import Lazy, push
from tests.tokenserver import TokenServer

pytestmark = pytest.mark.real

PATH, CONTENT = "odd/long", b"long " * 60_000


@pytest.fixture(scope="module")
def lazy(docker_registry: DockerRegistry) -> Lazy:
    return push(docker_registry, "chunks")


@pytest.fixture
def blobs(docker_registry: DockerRegistry) -> Iterator[BlobServer]:
    with blobserver.serve(docker_registry.storage) as server:
        yield server


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    with tokenserver.serve(tmp_path, users=dict([logins.ADA])) as server:
        yield server


@pytest.fixture
def strict(
    docker_registry: DockerRegistry, blobs: BlobServer, tokens: TokenServer, tmp_path: Path
) -> Iterator[DockerRegistry]:
    """Run a registry that wants a token for everything and has its blobs on another host."""
    sections = {**blobs.section, "auth": {"token": logins.token_section(tokens)}}
    with dockerregistry.serve(tmp_path, sections, storage=docker_registry.storage) as registry:
        ocinb.settings.credentials[registry.host] = logins.ADA
        yield registry


def rows(reference: str) -> pd.DataFrame:
    return ocinb.files(reference).drop(columns="reference")


def layer_bytes(server: BlobServer, lazy: Lazy) -> list[int]:
    """Give how much of the layer was asked for, request by request."""
    digits = lazy.image.layers[0].digest.hex
    ranges = [seen.headers["Range"] for seen in server.requests if digits in seen.path]
    ends = [map(int, text.removeprefix("bytes=").split("-")) for text in ranges]
    return [last - first + 1 for first, last in ends]


def test_a_list_comes_in_parts_from_another_host(
    strict: DockerRegistry, blobs: BlobServer, tokens: TokenServer, lazy: Lazy, tmp_path: Path
) -> None:
    there = rows(strict.reference(lazy.reference))
    assert 1 <= len(layer_bytes(blobs, lazy)) <= 2
    assert sum(layer_bytes(blobs, lazy)) < len(lazy.raw) * 0.1
    assert len(tokens.requests) == 1
    ocinb.settings.store_dir = tmp_path / "another-store"
    pd.testing.assert_frame_equal(there, rows(lazy.reference))


def test_a_file_comes_in_parts_from_another_host(strict: DockerRegistry, blobs: BlobServer, lazy: Lazy) -> None:
    assert ocinb.read(strict.reference(lazy.reference), PATH) == CONTENT
    assert sum(layer_bytes(blobs, lazy)) < len(lazy.raw) * 0.1
    assert not (ocinb.settings.store_dir / "blobs/sha256" / lazy.image.layers[0].digest.hex).exists()


def test_no_secret_goes_to_the_other_host(strict: DockerRegistry, blobs: BlobServer, lazy: Lazy) -> None:
    ocinb.read(strict.reference(lazy.reference), PATH)
    sent = "\n".join(seen.everything for seen in blobs.requests)
    assert sent
    assert not [secret for secret in ("uthorization", "earer", logins.ADA[1], strict.host) if secret in sent]


def test_a_file_that_is_spoilt_there_is_refused(strict: DockerRegistry, blobs: BlobServer, lazy: Lazy) -> None:
    ocinb.files(strict.reference(lazy.reference))
    blobs.spoil = lambda _, part: bytes(len(part))
    with pytest.raises(IntegrityError, match=PATH):
        ocinb.read(strict.reference(lazy.reference), PATH)


def test_a_registry_that_knows_no_parts_gives_the_whole_layer(
    django_oci: DjangoOci, lazy: Lazy, tmp_path: Path
) -> None:
    manifest = lazy.image.manifest
    layout = write_layout(tmp_path / "layout", {"it": manifest})
    there = django_oci.put(layout, "lazy", manifest.raw, manifest.media_type)
    assert ocinb.read(there, PATH) == CONTENT
    whole = ocinb.settings.store_dir / "blobs/sha256" / lazy.image.layers[0].digest.hex
    assert whole.read_bytes() == lazy.raw
    listed = rows(there)
    ocinb.settings.store_dir = tmp_path / "another-store"
    pd.testing.assert_frame_equal(listed, rows(lazy.reference))
