"""How the tests of referrers write them, and look at what was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ocinb.samples import SampleRegistry
from ocinb.sources.base import Referrer, Source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST

REPOSITORY = "demo/shop"
SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.cncf.notary.signature"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"

JSON = dict[str, Any]


def entry(raw: bytes, media_type: str = OCI_MANIFEST, **more: Any) -> JSON:
    """Describe bytes as an index does."""
    return {"mediaType": media_type, "digest": str(Digest.of(raw)), "size": len(raw), **more}


def index(*entries: object, **more: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more}).encode()


def artifact(
    subject: str | None,
    *,
    artifact_type: str | None = None,
    config: str = OCI_EMPTY,
    blobs: tuple[str, ...] = ("text/plain",),
    annotations: Mapping[str, str] | None = None,
) -> bytes:
    """Write the manifest of an artifact."""
    document: JSON = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": entry(b"{}", config),
        "layers": [entry(blob.encode(), blob) for blob in blobs],
        "annotations": annotations or {},
    }
    if artifact_type:
        document["artifactType"] = artifact_type
    if subject:
        document["subject"] = {"mediaType": OCI_INDEX, "digest": subject, "size": 1}
    return json.dumps(document).encode()


def cosigned(*blobs: str) -> bytes:
    """Write what cosign keeps under a tag: it pretends to be an image."""
    return artifact(None, config=OCI_CONFIG, blobs=blobs)


def put_subject(registry: SampleRegistry, *, algorithm: str = "sha256", repository: str = REPOSITORY) -> Descriptor:
    """Put in an index of nothing, to which nobody refers yet."""
    raw = index(annotations={"made": "for tests"})
    digest = registry.put_manifest(repository, raw, media_type=OCI_INDEX, tag="subject", algorithm=algorithm)
    return Descriptor(OCI_INDEX, digest, len(raw))


def put_list(registry: SampleRegistry, tag: str, *entries: object) -> None:
    registry.put_manifest(REPOSITORY, index(*entries), media_type=OCI_INDEX, tag=tag)


def told(found: list[Referrer]) -> list[tuple[str, str | None, str]]:
    return [(one.descriptor.digest, one.descriptor.artifact_type, one.found_via) for one in found]


def ways(found: list[Referrer]) -> list[str]:
    return [one.found_via for one in found]


def asked(registry: SampleRegistry, part: str = "/referrers/") -> list[str]:
    """Give the paths that were asked for, of those with something in them."""
    return [request.path for request in registry.requests if part in request.path]


def subjects(source: Source) -> tuple[Descriptor, Descriptor]:
    """Give the two manifests of the samples to which others refer: the index of the shop, and its first image."""
    whole = source.resolve("2.0")
    image = json.loads(source.document(whole).raw)["manifests"][0]["digest"]
    return whole, source.resolve(image)
