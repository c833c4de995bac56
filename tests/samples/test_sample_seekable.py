"""Seekable layers are what their formats say, and to everybody else a gzip or zstd as any other."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Callable

import pytest

from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer, Step, make_image, make_layer
from ocinb.samples.seekable_layers import Seekable, make_estargz, make_zstd_chunked, toc_image
from ocinb.samples.tars import directory, file, noise, symlink
from ocinb.spec.digest import Digest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TREE = [
    directory("a"),
    file("a/big", noise("big", 250_000), mode=0o4755, owner=7),
    file("empty"),
    symlink("l", "a/big"),
]
CHUNK = 100_000


def unpacked(layer: Layer) -> bytes:
    return gzip.decompress(layer.raw) if layer.media_type.endswith("gzip") else zstd.decompress(layer.raw)


def contents(layer: Layer) -> dict[str, bytes | None]:
    with tarfile.open(fileobj=io.BytesIO(unpacked(layer))) as tar:
        return {one.name: found.read() if (found := tar.extractfile(one)) and one.isreg() else None for one in tar}


def _size(row: dict[str, int]) -> int:
    return row.get("chunkSize", len(TREE[1].content) - row.get("chunkOffset", 0))


@pytest.mark.parametrize("with_tar_split", [False, True])
def test_a_zstd_chunked_is_a_zstd_of_a_tar(*, with_tar_split: bool) -> None:
    layer = make_zstd_chunked(TREE, chunk_bytes=CHUNK, with_tar_split=with_tar_split)
    assert layer.diff_id == f"sha256:{hashlib.sha256(unpacked(layer)).hexdigest()}"
    assert contents(layer) == {"a": None, "a/big": TREE[1].content, "empty": b"", "l": None}
    prefix = "io.github.containers.zstd-chunked."
    offset, length, plain, kind = map(int, layer.annotations[f"{prefix}manifest-position"].split(":"))
    table = zstd.decompress(layer.raw[offset : offset + length])
    assert layer.annotations[f"{prefix}manifest-checksum"] == Digest.of(layer.raw[offset : offset + length])
    assert (len(table), kind) == (plain, 1)
    assert json.loads(table)["entries"] == list(layer.rows)


@pytest.mark.parametrize("make", [make_estargz, make_zstd_chunked])
def test_they_are_the_same_at_every_run(make: Callable[..., Seekable]) -> None:
    assert make(TREE) == make(TREE)


def test_a_manifest_carries_the_annotations_of_its_layers(registry: SampleRegistry) -> None:
    lazy, plain = make_estargz(TREE), make_layer(TREE)
    image = make_image("linux/amd64", [Step("COPY", "2025-01-01T00:00:00Z", layer) for layer in (lazy, plain)])
    for raw in (image.manifest.raw, make_image("linux/amd64", image.steps, docker=True).manifest.raw):
        first, second = json.loads(raw)["layers"]
        assert first["annotations"] == lazy.annotations
        assert "annotations" not in second
    assert registry.put_image("demo/lazy", [lazy, plain]).startswith("sha256:")


def test_an_image_of_tables_says_whose_they_are() -> None:
    layers = [make_estargz(TREE, outside=True), make_estargz([], outside=True)]
    first, second = json.loads(toc_image(layers).raw)["layers"]
    assert first["digest"] == Digest.of(layers[0].table)
    assert second["annotations"] == {"containerd.io/snapshot/stargz/layer.digest": layers[1].digest}
