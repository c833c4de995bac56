"""Where manifests disagree about the size of a layer, the catalog keeps the first one, and the row says so."""

from __future__ import annotations

import pytest

import ocinb
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Blob, make_json, make_layer
from ocinb.samples.tars import file
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_MANIFEST

LAYER = make_layer([file("a", b"x" * 1000)])
TRUE, FALSE = len(LAYER.raw), 9 * 10**18


def _put(registry: SampleRegistry, tag: str, size: int) -> str:
    rootfs = {"type": "layers", "diff_ids": [LAYER.diff_id]}
    config = Blob(make_json({"os": "linux", "architecture": "amd64", "rootfs": rootfs, "author": tag}), OCI_CONFIG)
    layers = [{**LAYER.descriptor(), "size": size}]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(), "layers": layers}
    for blob in (config, LAYER):
        registry.put_blob(blob.raw)
    registry.put_manifest("demo/app", make_json(document), tag=tag)
    return registry.reference(f"demo/app:{tag}")


def _size(catalog: ocinb.Catalog) -> int:
    return int(catalog.sql("SELECT compressed_bytes FROM layers")["compressed_bytes"].item())


@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_size_is_a_warning_on_the_row(registry: SampleRegistry, *, at_once: bool) -> None:
    names = [_put(registry, "1", TRUE), _put(registry, "2", FALSE)]
    with ocinb.Catalog() as catalog:
        rows = catalog.add(names) if at_once else [catalog.add(name) for name in names][-1]
        last = rows.iloc[-1]
        assert last["outcome"] == "added"
        assert f"warning: the layer {LAYER.digest} has 9,000,000,000,000,000,000 bytes in this" in last["error"]
        assert f"and {TRUE:,} in the catalog" in last["error"]
        assert _size(catalog) == TRUE
        assert catalog.sql("FROM failures").empty


def test_a_layer_that_is_read_has_its_own_size(registry: SampleRegistry) -> None:
    true, false = _put(registry, "1", TRUE), _put(registry, "2", FALSE)
    with ocinb.Catalog() as catalog:
        assert catalog.add(false)["error"].isna().all()
        assert catalog.add(true, depth="files")["outcome"].item() == "added"
        assert _size(catalog) == TRUE
