"""Where manifests contradict each other about a layer's length, those who have the blob say it, and else nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.catalog.ingest import BATCH
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Blob, make_json, make_layer
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_MANIFEST
from tests.frames.facts import known

LAYER = make_layer([file("a", b"x" * 1000)])
TRUE, UNTRUE = len(LAYER.raw), 9 * 10**18


@pytest.fixture
def other() -> Iterator[SampleRegistry]:
    with ocinb.samples.registry() as running:
        yield running


def image(tag: str, *lengths: int) -> tuple[bytes, Blob]:
    """Make an image that has one layer once or more, and says of it each time how long it is."""
    rootfs = {"type": "layers", "diff_ids": [LAYER.diff_id for _ in lengths]}
    config = Blob(make_json({"os": "linux", "architecture": "amd64", "rootfs": rootfs, "author": tag}), OCI_CONFIG)
    layers = [{**LAYER.descriptor(), "size": length} for length in lengths]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(), "layers": layers}
    return make_json(document), config


def put(registry: SampleRegistry, tag: str, *lengths: int) -> str:
    raw, config = image(tag, *lengths)
    for blob in (config, LAYER):
        registry.put_blob(blob.raw)
    registry.put_manifest("demo/app", raw, tag=tag)
    return registry.reference(f"demo/app:{tag}")


def length(catalog: ocinb.Catalog) -> object:
    """Give what the catalogue says of the layer, which stands there once."""
    [told] = catalog.sql("SELECT compressed_bytes FROM layers WHERE layer_digest = ?", [LAYER.digest])[
        "compressed_bytes"
    ].tolist()
    return known(told)


def questions(*registries: SampleRegistry) -> int:
    """Count how often the layer was asked for."""
    paths = [request.path for registry in registries for request in registry.requests]
    return sum(path.endswith(f"/blobs/{LAYER.digest}") for path in paths)


def test_it_is_asked_once_in_a_call(registry: SampleRegistry) -> None:
    names = [put(registry, str(number), TRUE - number % 2) for number in range(BATCH + 4)]
    with ocinb.Catalog() as catalog:
        catalog.add(names, progress=False)
        assert length(catalog) == TRUE
    assert questions(registry) == 1


def test_one_that_is_in_the_store_needs_nobody(registry: SampleRegistry) -> None:
    names = [put(registry, "1", TRUE), put(registry, "2", UNTRUE)]
    ocinb.pull(names[0], progress=False)
    before = questions(registry)
    with ocinb.Catalog() as catalog:
        catalog.add(names)
        assert length(catalog) == TRUE
    assert questions(registry) == before


def test_where_nobody_can_be_asked_it_is_unknown(registry: SampleRegistry) -> None:
    settings.retries = 0
    registry.fault(f"*/blobs/{LAYER.digest}", status=500, times=None)
    with ocinb.Catalog() as catalog:
        added = catalog.add([put(registry, "1", TRUE), put(registry, "2", UNTRUE)])
        assert added["outcome"].tolist() == ["added", "added"]
        assert length(catalog) is None
        assert catalog.sql("SELECT compressed_bytes FROM images").isna().all(axis=None)


def test_offline_it_is_unknown(registry: SampleRegistry) -> None:
    names = [put(registry, "1", TRUE), put(registry, "2", UNTRUE)]
    settings.tag_ttl = 3600
    ocinb.layers(names)
    settings.offline = True
    with ocinb.Catalog() as catalog:
        assert catalog.add(names)["outcome"].tolist() == ["added", "added"]
        assert length(catalog) is None


@pytest.mark.parametrize("first", ["true", "untrue"])
def test_a_registry_that_says_something_else_makes_it_unknown(
    registry: SampleRegistry, other: SampleRegistry, first: str
) -> None:
    names = {"true": put(registry, "1", TRUE), "untrue": put(other, "2", UNTRUE)}
    other._content.blobs[LAYER.digest] = bytes(TRUE + 1)  # nobody hashes what he only asks the length of
    with ocinb.Catalog() as catalog:
        catalog.add(names.pop(first))
        catalog.add(*names.values())
        assert length(catalog) is None
    assert (questions(registry), questions(other)) == (1, 1)


def test_a_file_is_asked_too(registry: SampleRegistry, tmp_path: Path) -> None:
    raw, config = image("1", UNTRUE)
    manifest = Blob(raw, OCI_MANIFEST)
    for blob in (manifest, config, LAYER):
        path = tmp_path / "blobs" / "sha256" / Digest(blob.digest).hex
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.raw)
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    index = {"schemaVersion": 2, "manifests": [manifest.descriptor()]}
    (tmp_path / "index.json").write_text(json.dumps(index))
    name = put(registry, "2", TRUE)
    with ocinb.Catalog() as catalog:
        assert catalog.add(f"oci:{tmp_path}")["outcome"].tolist() == ["added"]
        assert length(catalog) == UNTRUE, "nobody has said anything else"
        catalog.add(name)
        assert length(catalog) == TRUE
