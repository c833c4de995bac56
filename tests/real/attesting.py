"""An index as BuildKit pushes it: images, and beside each an attestation with a provenance and an SBOM in it."""

import hashlib
import json
from typing import Any

from tests.real import uploads
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import OCI_INDEX, OCI_MANIFEST
from tests.real.tools import skopeo_raw

IN_TOTO = "application/vnd.in-toto+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
PROVENANCE, SBOM = "https://slsa.dev/provenance/v0.2", "https://spdx.dev/Document"


def push_attested(registry: DockerRegistry, name: str, images: dict[str, str]) -> str:
    """Put an index over images that are there already, by architecture, each followed by what attests it."""
    repository, entries = name.rpartition(":")[0], []
    children = {architecture: skopeo_raw(reference) for architecture, reference in images.items()}
    for architecture, raw in children.items():
        entries.append(descriptor(raw, OCI_MANIFEST, platform={"architecture": architecture, "os": "linux"}))
    for subject in list(entries):
        attestation = _attestation(registry, repository, subject["digest"])
        kind = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": subject["digest"]}
        nowhere = {"architecture": "unknown", "os": "unknown"}
        entries.append(descriptor(attestation, OCI_MANIFEST, platform=nowhere, annotations=kind))
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    return registry.put_manifest(name, OCI_INDEX, index)


def descriptor(raw: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return {"mediaType": media_type, "digest": digest, "size": len(raw), **more}


def _attestation(registry: DockerRegistry, repository: str, subject: str) -> bytes:
    statements = [_statement(subject, kind) for kind in (PROVENANCE, SBOM)]
    layers = [
        descriptor(statement, IN_TOTO, annotations={"in-toto.io/predicate-type": kind})
        for statement, kind in zip(statements, (PROVENANCE, SBOM), strict=True)
    ]
    diff_ids = [layer["digest"] for layer in layers]
    rootfs = {"type": "layers", "diff_ids": diff_ids}
    config = json.dumps({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": rootfs}).encode()
    for blob in (*statements, config):
        uploads.put_blob(f"http://{registry.host}", repository, blob)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG),
        "layers": layers,
    }
    raw = json.dumps(manifest).encode()
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    uploads.put_manifest(f"http://{registry.host}", f"{repository}@{digest}", OCI_MANIFEST, raw)
    return raw


def _statement(subject: str, kind: str) -> bytes:
    about = [{"name": "pkg:docker/real/attested", "digest": {"sha256": subject.removeprefix("sha256:")}}]
    predicate = {"builder": {"id": "tests"}} if kind == PROVENANCE else {"spdxVersion": "SPDX-2.3", "packages": []}
    return json.dumps(
        {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": kind, "subject": about, "predicate": predicate}
    ).encode()
