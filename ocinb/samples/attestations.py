"""What is said about an image: BuildKit's attestations, and signatures and SBOMs as referrers.

They have the right form, but nobody signed them. Sources: BuildKit's attestation-storage.md; OCI image-spec,
manifest.md ("subject"); cosign's SIGNATURE_SPEC.md.
"""

from __future__ import annotations

import base64

from ocinb.samples.base import NAME, base_index
from ocinb.samples.images import JSON, Blob, Image, Manifest, make_json, make_manifest
from ocinb.samples.tars import noise
from ocinb.spec.mediatypes import IN_TOTO, OCI_CONFIG, OCI_EMPTY

SPDX = "application/spdx+json"
NOTARY_SIGNATURE = "application/vnd.cncf.notary.signature"
COSIGN_PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"

_SPDX_PREDICATE = "https://spdx.dev/Document"
_PROVENANCE_PREDICATE = "https://slsa.dev/provenance/v0.2"
_EMPTY = Blob(b"{}", OCI_EMPTY)


def attestation(image: Image, name: str) -> tuple[Manifest, JSON]:
    """Attest an image as BuildKit does: a manifest that pretends to be an image of an unknown platform.

    Parameters
    ----------
    image
        What is attested.
    name
        What the image is called, such as ``"demo/shop@2.0"``.

    Returns
    -------
    tuple
        The manifest, and the descriptor that belongs into the index beside the image.
    """
    predicates = {_SPDX_PREDICATE: _spdx(name), _PROVENANCE_PREDICATE: _provenance()}
    statements = [_statement(image, name, kind, content) for kind, content in predicates.items()]
    manifest = make_manifest(
        _unknown_config(statements),
        statements,
        layer_annotations=[{"in-toto.io/predicate-type": kind} for kind in predicates],
    )
    annotations = {
        "vnd.docker.reference.digest": image.manifest.digest,
        "vnd.docker.reference.type": "attestation-manifest",
    }
    unknown = {"architecture": "unknown", "os": "unknown"}
    return manifest, manifest.descriptor(annotations=annotations, platform=unknown)


def _unknown_config(blobs: list[Blob]) -> Blob:
    rootfs = {"type": "layers", "diff_ids": [blob.digest for blob in blobs]}
    return Blob(make_json({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": rootfs}), OCI_CONFIG)


def _statement(image: Image, name: str, predicate_type: str, predicate: JSON) -> Blob:
    subject = {
        "name": f"pkg:docker/{name}?platform={image.platform.replace('/', '%2F')}",
        "digest": {"sha256": image.manifest.digest.hex},
    }
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": predicate_type,
        "subject": [subject],
        "predicate": predicate,
    }
    return Blob(make_json(statement), IN_TOTO)


def _spdx(name: str) -> JSON:
    packages = [("bash", "5.2.15-2+b7"), ("python3.11", "3.11.2-6+deb12u4"), ("flask", "3.0.3")]
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "packages": [
            {"SPDXID": f"SPDXRef-Package-{package}", "name": package, "versionInfo": version}
            for package, version in packages
        ],
    }


def _provenance() -> JSON:
    base = {"uri": f"pkg:docker/{NAME.replace(':', '@')}", "digest": {"sha256": base_index().digest.hex}}
    return {
        "builder": {"id": "https://builder.example/demo"},
        "buildType": "https://mobyproject.org/buildkit@v1",
        "materials": [base],
        "invocation": {"configSource": {"entryPoint": "Dockerfile"}, "parameters": {"frontend": "dockerfile.v0"}},
    }


def sbom(subject: Manifest, name: str) -> Manifest:
    """Attach a list of packages to an image or an index, as a referrer."""
    return make_manifest(
        _EMPTY,
        [Blob(make_json(_spdx(name)), SPDX)],
        artifact_type=SPDX,
        subject=subject,
        annotations={"org.opencontainers.image.created": "2025-06-02T07:06:10Z"},
    )


def signature(subject: Manifest) -> Manifest:
    """Attach a signature in the form of the Notary Project, as a referrer."""
    payload = {"targetArtifact": subject.descriptor()}
    envelope = {"payload": _base64(make_json(payload)), "signature": _base64(noise("signature", 64))}
    return make_manifest(
        _EMPTY,
        [Blob(make_json(envelope), "application/jose+json")],
        artifact_type=NOTARY_SIGNATURE,
        subject=subject,
        annotations={"org.opencontainers.image.created": "2025-06-02T07:06:12Z"},
    )


def cosign_signature(subject: Manifest, name: str) -> Manifest:
    """Sign as cosign does where there is no referrers API: a manifest that is found by its tag."""
    payload = {
        "critical": {
            "identity": {"docker-reference": name},
            "image": {"docker-manifest-digest": subject.digest},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    blob = Blob(make_json(payload), COSIGN_PAYLOAD)
    signed = {"dev.cosignproject.cosign/signature": _base64(noise("cosign", 71))}
    return make_manifest(_unknown_config([blob]), [blob], layer_annotations=[signed])


def cosign_tag(subject: Manifest) -> str:
    """Name the tag under which cosign looks for signatures of a manifest."""
    return f"{subject.digest.algorithm}-{subject.digest.hex}.sig"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
