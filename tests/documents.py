"""Documents that a test puts into the embedded registry, and how it points at them."""

from __future__ import annotations

import base64
from typing import Any

from ocinb.samples import SampleRegistry
from ocinb.samples.images import JSON, Layer, Manifest, make_json, make_layer
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from tests.spec.signing import Step, schema1, sign

REPOSITORY = "demo/documents"


def layer(text: str = "x") -> Layer:
    return make_layer([file(text, text)])


def descriptor(media_type: str, raw: bytes, *, algorithm: str = "sha256", **more: Any) -> JSON:
    return {"mediaType": media_type, "digest": str(Digest.of(raw, algorithm)), "size": len(raw), **more}


def embedded(media_type: str, raw: bytes) -> JSON:
    return descriptor(media_type, raw, data=base64.b64encode(raw).decode())


def put(registry: SampleRegistry, media_type: str, *, tag: str = "1", algorithm: str = "sha256", **fields: Any) -> JSON:
    """Put a document of some fields under a tag, and say how an index would name it; ``...`` leaves a field out."""
    body = {"schemaVersion": 2, "mediaType": media_type, **fields}
    raw = make_json({key: value for key, value in body.items() if value is not ...})
    registry.put_manifest(REPOSITORY, raw, media_type=media_type, tag=tag, algorithm=algorithm)
    return descriptor(media_type, raw, algorithm=algorithm)


def put_index(registry: SampleRegistry, *children: JSON, tag: str = "1", **fields: Any) -> JSON:
    return put(registry, OCI_INDEX, tag=tag, manifests=list(children), **fields)


def put_image(
    registry: SampleRegistry, *layers: Layer, tag: str = "1", algorithm: str = "sha256", **config: Any
) -> JSON:
    """Put an image, all of whose digests are of one algorithm."""
    rootfs = {"type": "layers", "diff_ids": [one.diff_id for one in layers]}
    raw = make_json({"os": "linux", "architecture": "amd64", "rootfs": rootfs, **config})
    for blob in (raw, *(one.raw for one in layers)):
        registry.put_blob(blob, algorithm=algorithm)
    stacked = [descriptor(one.media_type, one.raw, algorithm=algorithm) for one in layers]
    named = descriptor(OCI_CONFIG, raw, algorithm=algorithm)
    return put(registry, OCI_MANIFEST, tag=tag, algorithm=algorithm, config=named, layers=stacked)


def put_schema1(registry: SampleRegistry, *steps: Step, tag: str = "old", signed: bool = True, keys: int = 1) -> str:
    """Put an image of schema 1 as a registry has it, and give its digest: that of what was signed."""
    payload = schema1(steps)
    digest = Digest.of(payload)
    raw = sign(payload, keys=keys) if signed else payload
    media_type = DOCKER_SCHEMA1_SIGNED if signed else DOCKER_SCHEMA1
    registry._content.put_manifest(REPOSITORY, Manifest(raw, media_type), digest)
    registry.tag(REPOSITORY, tag, digest)
    return digest
