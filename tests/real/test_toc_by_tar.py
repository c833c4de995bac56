"""Seekable layers that were made by code, read by GNU tar and in Debian's registry: the same for few bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.trees import debian_image
from ocinb._settings import settings
from ocinb.archive.entries import FILE, Columns
from ocinb.rootfs.toc import Toc, find_toc
from ocinb.samples.seekable_layers import Seekable, make_estargz, make_zstd_chunked
from ocinb.sources.session import default_session, open_source
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import Reference
from tests.real import uploads
from tests.real.dockerregistry import DockerRegistry
from tests.real.tools import run
from tests.rootfs.seekables import TREE, Counting, descriptor_of, rows, scanned, sha256

pytestmark = pytest.mark.real
REPOSITORY = "toc/estargz"
_LAYER_BYTES = 12_000_000


def put(registry: DockerRegistry, layer: Seekable) -> Descriptor:
    uploads.put_blob(f"http://{registry.host}", REPOSITORY, layer.raw)
    return descriptor_of(layer)


def listed(registry: DockerRegistry, layer: Descriptor) -> tuple[Toc, Counting]:
    source = Counting(open_source(Reference(registry.reference(f"{REPOSITORY}:1")), session=default_session()))
    toc = find_toc(source, layer, settings)
    assert toc is not None
    return toc, source


@pytest.mark.parametrize("make", [make_estargz, make_zstd_chunked])
def test_a_debian_tree_is_listed_for_a_fiftieth_of_its_bytes(
    make: Callable[..., Seekable], docker_registry: DockerRegistry
) -> None:
    [packed] = debian_image([_LAYER_BYTES], pack=make).layers
    assert isinstance(packed, Seekable)
    toc, source = listed(docker_registry, put(docker_registry, packed))
    assert len(source.parts) <= 2
    assert sum(source.parts) <= 0.02 * len(packed.raw)
    assert rows(toc.columns) == rows(scanned(packed.raw))
    largest = max(range(len(toc.columns)), key=toc.columns.size_bytes.__getitem__)
    assert sha256(toc.read(largest)) == toc.columns.sha256[largest]
    assert len(source.parts) <= 3


@pytest.mark.parametrize("make", [make_estargz, make_zstd_chunked])
def test_gnu_tar_reads_the_same(make: Callable[..., Seekable], docker_registry: DockerRegistry, tmp_path: Path) -> None:
    packed = make(TREE, mtime=1_700_000_000, chunk_bytes=50_000)
    toc, _ = listed(docker_registry, put(docker_registry, packed))
    archive, out = tmp_path / "layer.tar", tmp_path / "out"
    program = "gzip" if packed.media_type.endswith("gzip") else "zstd"
    archive.with_suffix(".packed").write_bytes(packed.raw)
    out.mkdir()
    run("tar", "-x", "-p", f"--use-compress-program={program}", "-f", archive.with_suffix(".packed"), "-C", out)
    for path, content in files_of(toc):
        assert (out / path).read_bytes() == content
    assert (out / "usr/hard").samefile(out / "usr/big")
    assert (out / "usr/link").readlink() == Path("../usr/big")
    big = toc.columns.path.index("usr/big")
    found = (out / "usr/big").stat()
    assert (found.st_mode & 0o7777, found.st_size) == (toc.columns.mode[big], toc.columns.size_bytes[big])
    assert found.st_mtime * 1_000_000 == toc.columns.mtime[big]


def files_of(toc: Toc) -> Iterator[tuple[str, bytes]]:
    columns: Columns = toc.columns
    for place, kind in enumerate(columns.type):
        if kind == FILE:
            yield columns.path[place], toc.read(place)
