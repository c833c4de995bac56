"""An image to which others refer, in a registry that lists nobody: pushed as oras, crane and cosign do."""

import json
from dataclasses import dataclass
from typing import Any

from tests.real import uploads
from tests.real.attesting import descriptor
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import OCI_INDEX, OCI_MANIFEST, Layout
from tests.real.tools import skopeo_raw

REPOSITORY = "real/referred"
EMPTY, OCI_CONFIG = "application/vnd.oci.empty.v1+json", "application/vnd.oci.image.config.v1+json"
SBOM, SIGNATURE = "application/spdx+json", "application/vnd.cncf.notary.signature"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"


@dataclass(frozen=True)
class Referred:
    """An image with an SBOM, a signature, and what cosign keeps."""

    reference: str
    digest: str
    sbom: str
    signature: str
    cosigned: str

    @property
    def tag(self) -> str:
        return self.digest.replace(":", "-")

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (self.digest, self.sbom, SBOM, "tag"),
            (self.digest, self.signature, SIGNATURE, "tag"),
            (self.digest, self.cosigned, SIMPLE_SIGNING, "cosign"),
        ]


def push_referred(registry: DockerRegistry, busybox: Layout) -> Referred:
    """Push an image, and a list of two under a tag, one of which says nothing of its type."""
    reference = registry.push(busybox.reference, f"{REPOSITORY}:1")
    image = descriptor(skopeo_raw(reference), OCI_MANIFEST)
    sbom = _put(registry, b'{"spdxVersion": "SPDX-2.3"}', SBOM, EMPTY, artifactType=SBOM, subject=image)
    signature = _put(registry, b"{}", SIGNATURE, EMPTY, artifactType=SIGNATURE, subject=image)
    tag = image["digest"].replace(":", "-")
    entries = [{**sbom, "artifactType": SBOM}, signature]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    registry.put_manifest(f"{REPOSITORY}:{tag}", OCI_INDEX, json.dumps(index).encode())
    cosigned = _put(registry, b'{"critical": {}}', SIMPLE_SIGNING, OCI_CONFIG, tag=f"{tag}.sig")
    return Referred(reference, image["digest"], sbom["digest"], signature["digest"], cosigned["digest"])


def _put(
    registry: DockerRegistry, blob: bytes, media_type: str, config_type: str, tag: str | None = None, **more: Any
) -> dict[str, Any]:
    config = b"{}" if config_type == EMPTY else json.dumps({"rootfs": {"type": "layers", "diff_ids": []}}).encode()
    for raw in (blob, config):
        uploads.put_blob(f"http://{registry.host}", REPOSITORY, raw)
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(config, config_type), **more}
    manifest = json.dumps({**document, "layers": [descriptor(blob, media_type)]}).encode()
    described = descriptor(manifest, OCI_MANIFEST)
    name = f"{REPOSITORY}:{tag}" if tag else f"{REPOSITORY}@{described['digest']}"
    uploads.put_manifest(f"http://{registry.host}", name, OCI_MANIFEST, manifest)
    return described
