"""Small images for catalogues that can be worked out by hand, and the time that a clock says."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import ocinb
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Blob, Layer, compress_layer, make_json, make_manifest
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_INDEX


def sized(text: str, size: int) -> Layer:
    """Make a layer of so many bytes; nothing reads what is in it."""
    return compress_layer(text.encode().ljust(size, b"."), compression="none")


def put_index(registry: SampleRegistry, repository: str, children: list[dict[str, Any]], tag: str | None) -> str:
    raw = make_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children})
    return registry.put_manifest(repository, raw, media_type=OCI_INDEX, tag=tag)


def descriptor(registry: SampleRegistry, repository: str, digest: str, **more: Any) -> dict[str, Any]:
    """Point at a manifest that a registry has, as an index does."""
    document = ocinb.document(registry.reference(f"{repository}@{digest}"))
    return {"mediaType": document.media_type, "digest": digest, "size": len(document.raw), **more}


def put_config(registry: SampleRegistry, repository: str, config: dict[str, Any], *layers: Layer, tag: str) -> str:
    """Take in an image whose config is written as JSON writes it, with escapes for all that is not ASCII."""
    rootfs = {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}
    blob = Blob(json.dumps({"os": "linux", "architecture": "amd64", "rootfs": rootfs, **config}).encode(), OCI_CONFIG)
    for each in (blob, *layers):
        registry.put_blob(each.raw)
    return registry.put_manifest(repository, make_manifest(blob, layers).raw, tag=tag)


def sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
