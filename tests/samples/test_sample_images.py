"""The sample images are what they say, and the same on every machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from typing import Any

import pytest

from ocinb.errors import InvalidError
from ocinb.samples.base_image import PLATFORMS, base_image
from ocinb.samples.catalog import hello_image, nested_image, sample_content
from ocinb.samples.images import Image, Layer, make_layer
from ocinb.samples.shop import RELEASES, shop_image

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

AMD64, ARM64 = PLATFORMS
OLD, MIDDLE, NEW = RELEASES

TOP_CHAIN_IDS = [
    (hello_image(), "sha256:fc06247bfb0134a4289e5e10d2ac430ea18707e5734858d0a7ea568e45e9d6ea"),
    (base_image(AMD64), "sha256:1ba73c9943d81f5e4af10ec10c67e8879f2c9ad996b99eb4c6855ebbb59dfe1d"),
    (base_image(ARM64), "sha256:9ff3323c369c2e4cab45b5ad370ca1fbecf75391301197a63562fe30d8c7b6a6"),
    (shop_image(OLD, AMD64), "sha256:e8e85a83a54178bcf32dc7b031bc22a6c3948095a96749ac63b68a7919e0021b"),
    (shop_image(OLD, ARM64), "sha256:8ced8d9a2dac2834aaf883381491a8265d81d3877bcdf1a570e7b736fd983044"),
    (shop_image(MIDDLE, AMD64), "sha256:588100654ce735e60117f9f3ee9116373e639dcd456c84e686ef24ed52af0574"),
    (shop_image(MIDDLE, ARM64), "sha256:3881c6c2f8b61f362dff6ae0b0cf26346c4a7299f043661b1b98ce105baf6258"),
    (shop_image(NEW, AMD64), "sha256:0875f476f02454262d3e91b4ad9286a99b561569a17ab79becf7a475136a8f4c"),
    (shop_image(NEW, ARM64), "sha256:2ca4ebdc504d3725fe97343e034da83bd024f1b5f7f2b484cd5296e72f6dfbd2"),
    (nested_image(AMD64), "sha256:de5532b8ca39515828e7c388e36a92c9d222f0f3a42ca1c2c9999bda23dbdd88"),
    (nested_image(ARM64), "sha256:7ce5a815f067537e28355660c407d4df235c4236e6151f46886eb7d31761c87c"),
    (nested_image("linux/arm/v7"), "sha256:fe215d748c53654774810950f725413fb82daddfb1a819dee7290b0169845439"),
]
IMAGES = [image for image, _ in TOP_CHAIN_IDS]


def sha256(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def tar_of(layer: Layer) -> bytes:
    if layer.media_type.endswith("gzip"):
        return gzip.decompress(layer.raw)
    return zstd.decompress(layer.raw) if layer.media_type.endswith("zstd") else layer.raw


def members(layer: Layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar_of(layer))) as tar:
        return {member.name: member for member in tar.getmembers()}


def content_of(layer: Layer, path: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(tar_of(layer))) as tar:
        stream = tar.extractfile(path)
        assert stream is not None
        return stream.read()


def chain_id(diff_ids: list[str]) -> str:
    """Follow the definition in config.md word for word, independently of the library."""
    if len(diff_ids) == 1:
        return diff_ids[0]
    return sha256(f"{chain_id(diff_ids[:-1])} {diff_ids[-1]}".encode())


def compressed_bytes(image: Image) -> int:
    return sum(len(layer.raw) for layer in image.layers)


def descriptors(document: dict[str, Any]) -> list[dict[str, Any]]:
    named = [document[name] for name in ("config", "subject") if name in document]
    return [*named, *document.get("layers", []), *document.get("manifests", [])]


def test_every_document_is_stored_under_its_digest_and_names_what_is_there() -> None:
    content = sample_content().copy()
    for name in content.names:
        repository = content.find(name)
        assert repository is not None
        for digest, manifest in repository.manifests.items():
            assert digest == sha256(manifest.raw)
            document = json.loads(manifest.raw)
            assert document["mediaType"] == manifest.media_type
            for descriptor in descriptors(document):
                child = repository.manifests.get(descriptor["digest"])
                raw = child.raw if child else content.blobs[descriptor["digest"]]
                assert len(raw) == descriptor["size"]
                assert child is None or child.media_type == descriptor["mediaType"]
        assert set(repository.tags.values()) <= set(repository.manifests)
    assert all(digest == sha256(raw) for digest, raw in content.blobs.items())


def test_nested_images_have_the_same_layer_twice() -> None:
    digests = [layer.digest for layer in nested_image(AMD64).layers]
    assert digests[0] == digests[2] != digests[1]


def test_an_unknown_compression_is_refused() -> None:
    with pytest.raises(InvalidError, match="there is no compression 'lzma'"):
        make_layer([], compression="lzma")
