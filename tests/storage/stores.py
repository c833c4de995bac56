"""Small stores: blobs, images and indexes that are written into a layout."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import Limits

DAY = 86_400.0
LIMITS = Limits(4 * 1024 * 1024, 32 * 1024 * 1024)


def put(layout: Layout, raw: bytes, *, age: float = 0.0, media_type: str = "application/octet-stream") -> Descriptor:
    digest = Digest.of(raw)
    path = layout.blobs.write(raw, digest)
    os.utime(path, (time.time() - age,) * 2)
    return Descriptor(media_type, digest, len(raw))


def put_document(
    layout: Layout, content: dict[str, Any], media_type: str = OCI_MANIFEST, *, age: float = DAY
) -> Descriptor:
    raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, **content}).encode()
    return put(layout, raw, age=age, media_type=media_type)


def named(descriptor: Descriptor) -> dict[str, Any]:
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}


def put_image(layout: Layout, *layers: bytes, config: bytes = b"{}", **more: Any) -> Descriptor:
    """Write an image of layers with these bytes."""
    written = [named(put(layout, layer, media_type=OCI_LAYER)) for layer in layers]
    configured = named(put(layout, config, media_type=OCI_CONFIG))
    return put_document(layout, {"config": configured, "layers": written, **more})


def put_index(layout: Layout, *children: Descriptor) -> Descriptor:
    return put_document(layout, {"manifests": [named(child) for child in children]}, OCI_INDEX)


def stands(layout: Layout, descriptor: Descriptor) -> bool:
    return layout.blobs.path(descriptor.digest).exists()


def all_blobs(layout: Layout) -> set[str]:
    """Give the digests of all files among the blobs."""
    return {f"{path.parent.name}:{path.name}" for path in (layout.root / "blobs").glob("*/*")}
