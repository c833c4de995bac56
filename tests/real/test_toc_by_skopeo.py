"""Layers that skopeo wrote as zstd:chunked: by their tables the rows and contents of the whole, for a request each."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from benchmarks.trees import debian_image
from ocinb import samples
from ocinb._settings import settings
from ocinb.archive.entries import FILE
from ocinb.rootfs.toc import find_toc
from ocinb.sources.session import default_session, open_source
from ocinb.spec.documents import Descriptor, parse_manifest
from ocinb.spec.reference import Reference
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import Layout
from tests.real.tools import run
from tests.rootfs.seekables import Counting, rows, scanned, sha256

pytestmark = pytest.mark.real

_LAYER_BYTES = [6_000_000, 3_000_000]
EVERY = 40  # so many files are passed over for one that is read


@pytest.fixture(scope="module")
def tree_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Give some megabytes of this machine's Debian files in two layers.

    Of layers without an end marker, as umoci leaves them, skopeo 1.9 makes no zstd:chunked: it waits for ever.
    """
    layout = Layout(tmp_path_factory.mktemp("tree"), "1", layers=2)
    image = debian_image(_LAYER_BYTES)
    with samples.registry() as made:
        made.put_image("demo/tree", image.layers, tag="1")
        source = f"docker://{made.reference('demo/tree:1')}"
        run("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", source, layout.reference)
    return layout


def opened(registry: DockerRegistry, layout: Layout) -> tuple[Counting, tuple[Descriptor, ...]]:
    pushed = registry.push(layout.reference, f"toc/{layout.path.name}:chunked", compression="zstd:chunked")
    source = Counting(open_source(Reference(pushed), session=default_session()))
    document = source.read("chunked")
    return source, parse_manifest(document.raw, document.media_type, "it").layers


def blob_path(registry: DockerRegistry, layer: Descriptor) -> Path:
    digits = layer.digest.hex
    return registry.storage / f"docker/registry/v2/blobs/sha256/{digits[:2]}/{digits}/data"


@pytest.mark.parametrize("name", ["busybox_layout", "tree_layout"])
def test_tables_give_what_the_whole_layers_give(
    name: str, docker_registry: DockerRegistry, request: pytest.FixtureRequest
) -> None:
    source, layers = opened(docker_registry, request.getfixturevalue(name))
    tocs = [find_toc(source, layer, settings) for layer in layers]
    assert len(source.parts) == len(layers)
    assert name == "busybox_layout" or sum(source.parts) <= 0.02 * sum(layer.size for layer in layers)
    for layer, toc in zip(layers, tocs, strict=True):
        assert toc is not None
        assert rows(toc.columns) == rows(scanned(blob_path(docker_registry, layer).read_bytes()))


def test_files_are_read_by_one_request_each(docker_registry: DockerRegistry, tree_layout: Layout) -> None:
    source, layers = opened(docker_registry, tree_layout)
    toc = find_toc(source, layers[0], settings)
    assert toc is not None
    columns = toc.columns
    large = sorted(range(len(columns)), key=columns.size_bytes.__getitem__)[-3:]  # of many chunks
    files = [place for place in range(len(columns)) if columns.type[place] == FILE and columns.size_bytes[place]]
    for place in {*large, *files[::EVERY]}:
        before = len(source.parts)
        assert sha256(toc.read(place)) == columns.sha256[place]
        assert len(source.parts) == before + 1


def test_python_reads_the_same_tar(docker_registry: DockerRegistry, busybox_layout: Layout) -> None:
    """The reader that the tables are compared with is ours too; so here are two that are not."""
    source, layers = opened(docker_registry, busybox_layout)
    toc = find_toc(source, layers[0], settings)
    assert toc is not None
    plain = run("zstd", "--decompress", "--stdout", blob_path(docker_registry, layers[0]))
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        members = [(one.name.removeprefix(".").strip("/"), one.mode, one.uid, one.size, int(one.mtime)) for one in tar]
    columns = toc.columns
    seconds = [(mtime or 0) // 1_000_000 for mtime in columns.mtime]
    assert list(zip(columns.path, columns.mode, columns.uid, columns.size_bytes, seconds, strict=True)) == members
