"""One image in all the forms that a registry keeps, pushed by skopeo where it can and put by hand where it cannot."""

import hashlib
import json
from dataclasses import dataclass

from tests.real.attesting import descriptor, push_attested
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import OCI_INDEX, OCI_MANIFEST, Layout
from tests.real.tools import skopeo_raw

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Formats:
    """References by form; the images in indexes are those of `oci`, those in the manifest list Docker's."""

    oci: str
    v2s2: str
    schema1: str
    zstd: str
    chunked: str
    manifest_list: str
    nested: str
    attested: str


def push_formats(registry: DockerRegistry, busybox: Layout) -> Formats:
    source, arm64 = busybox.reference, f"oci:{busybox.path}:arm64"
    oci = registry.push(source, "real/forms:oci")
    twin = registry.push(arm64, "real/forms:oci-arm64")
    v2s2 = registry.push(source, "real/forms:v2s2", manifest_format="v2s2")
    docker_twin = registry.push(arm64, "real/forms:v2s2-arm64", manifest_format="v2s2")
    listed = {"amd64": skopeo_raw(v2s2), "arm64": skopeo_raw(docker_twin)}
    return Formats(
        oci=oci,
        v2s2=v2s2,
        schema1=registry.push(source, "real/forms:schema1", manifest_format="v2s1"),
        zstd=registry.push(source, "real/forms:zstd", compression="zstd"),
        chunked=registry.push(source, "real/forms:chunked", compression="zstd:chunked"),
        manifest_list=registry.put_manifest("real/forms:list", DOCKER_LIST, index_of(listed, DOCKER_LIST)),
        nested=_push_nested(registry, {"amd64": skopeo_raw(oci), "arm64": skopeo_raw(twin)}),
        attested=push_attested(registry, "real/forms:attested", {"amd64": oci, "arm64": twin}),
    )


def index_of(children: dict[str, bytes], media_type: str) -> bytes:
    """Make an index, or a manifest list, over images by their architecture."""
    manifest_type = DOCKER_MANIFEST if media_type == DOCKER_LIST else OCI_MANIFEST
    manifests = [
        descriptor(raw, manifest_type, platform={"architecture": architecture, "os": "linux"})
        for architecture, raw in children.items()
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}).encode()


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def _push_nested(registry: DockerRegistry, children: dict[str, bytes]) -> str:
    """Put an index over an index for one platform and an image for another."""
    inner = index_of({"arm64": children["arm64"]}, OCI_INDEX)
    registry.put_manifest("real/forms:inner", OCI_INDEX, inner)
    outer = json.loads(index_of({"amd64": children["amd64"]}, OCI_INDEX))
    outer["manifests"].append(descriptor(inner, OCI_INDEX))
    return registry.put_manifest("real/forms:nested", OCI_INDEX, json.dumps(outer).encode())
