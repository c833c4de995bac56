"""What is said about an image: BuildKit's attestations, and signatures and SBOMs as referrers.

They have the right form, but nobody signed them. Sources: BuildKit's attestation-storage.md; OCI image-spec,
manifest.md ("subject"); cosign's SIGNATURE_SPEC.md.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ocinb.samples.base import NAME, base_index
from ocinb.samples.images import JSON, Blob, Image, Manifest, make_json, make_manifest
from ocinb.samples.tars import noise
from ocinb.spec.mediatypes import IN_TOTO, OCI_CONFIG, OCI_EMPTY

SPDX = "application/spdx+json"
NOTARY_SIGNATURE = "application/vnd.cncf.notary.signature"
COSIGN_PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
CYCLONEDX = "application/vnd.cyclonedx+json"
DSSE = "application/vnd.dsse.envelope.v1+json"

_SPDX_PREDICATE = "https://spdx.dev/Document"
_PROVENANCE_PREDICATE = "https://slsa.dev/provenance/v0.2"
_SUMMARY_PREDICATE = "https://slsa.dev/verification_summary/v1"
_EMPTY = Blob(b"{}", OCI_EMPTY)


@dataclass(frozen=True)
class Component:
    """A Debian package as a list of packages names it."""

    name: str
    version: str
    architecture: str

    @property
    def purl(self) -> str:
        """Its package URL.

        >>> Component("zlib1g", "1:1.2.13.dfsg-1", "amd64").purl
        'pkg:deb/debian/zlib1g@1%3A1.2.13.dfsg-1?arch=amd64&distro=debian-12'
        """
        version = self.version.replace(":", "%3A").replace("+", "%2B")
        return f"pkg:deb/debian/{self.name}@{version}?arch={self.architecture}&distro=debian-12"


def attestation(image: Image, name: str, predicates: Mapping[str, JSON] | None = None) -> tuple[Manifest, JSON]:
    """Attest an image as BuildKit does: a manifest that pretends to be an image of an unknown platform.

    Parameters
    ----------
    image
        What is attested.
    name
        What the image is called, such as ``"demo/shop@2.0"``.
    predicates
        What is said of it, by the type of the predicate; None for a few packages and a little provenance.

    Returns
    -------
    tuple
        The manifest, and the descriptor that belongs into the index beside the image.
    """
    predicates = predicates or {_SPDX_PREDICATE: _spdx(name), _PROVENANCE_PREDICATE: _provenance()}
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
    purl = f"pkg:docker/{name}?platform={image.platform.replace('/', '%2F')}"
    return Blob(make_json(_in_toto(image.manifest, purl, predicate_type, predicate)), IN_TOTO)


def _in_toto(subject: Manifest, name: str, predicate_type: str, predicate: JSON) -> JSON:
    return {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": predicate_type,
        "subject": [{"name": name, "digest": {"sha256": subject.digest.hex}}],
        "predicate": predicate,
    }


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


def spdx(name: str, components: Iterable[Component], files: Mapping[str, str]) -> JSON:
    """List packages with their package URLs, and files with their sha256, in the form of SPDX 2.3."""
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "packages": [_spdx_package(component) for component in components],
        "files": [
            {
                "SPDXID": f"SPDXRef-File-{number}",
                "fileName": path,
                "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
            }
            for number, (path, digest) in enumerate(files.items())
        ],
    }


def _spdx_package(component: Component) -> JSON:
    locator = {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": component.purl,
    }
    return {
        "SPDXID": f"SPDXRef-Package-{component.name}",
        "name": component.name,
        "versionInfo": component.version,
        "externalRefs": [locator],
    }


def provenance(built_at: datetime, materials: Mapping[str, Manifest]) -> JSON:
    """Tell how something was built, and of what, in the form of SLSA 1.0 as BuildKit writes it."""
    dependencies = [
        {"uri": f"pkg:docker/{name.replace(':', '@')}", "digest": {"sha256": manifest.digest.hex}}
        for name, manifest in materials.items()
    ]
    request = {"frontend": "dockerfile.v0", "args": {"build-arg:VERSION": "demo"}}
    return {
        "buildDefinition": {
            "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
            "externalParameters": {"configSource": {"path": "Dockerfile"}, "request": request},
            "resolvedDependencies": dependencies,
        },
        "runDetails": {
            "builder": {"id": "https://builder.example/demo"},
            "metadata": {"startedOn": f"{built_at:%Y-%m-%dT%H:%M:%SZ}"},
        },
    }


def cyclonedx(subject: Manifest, name: str, components: Iterable[Component]) -> Manifest:
    """Attach a list of packages in the form of CycloneDX, as a referrer."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": subject.digest}},
        "components": [
            {"type": "library", "name": item.name, "version": item.version, "purl": item.purl} for item in components
        ],
    }
    return make_manifest(
        _EMPTY,
        [Blob(make_json(document), CYCLONEDX)],
        artifact_type=CYCLONEDX,
        subject=subject,
        annotations={"org.opencontainers.image.created": "2025-06-16T09:30:00Z"},
    )


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


def cosign_attestation(subject: Manifest, name: str) -> Manifest:
    """Attest as cosign does by a tag: a statement in an envelope, and the envelope has the signature."""
    summary = {
        "verifier": {"id": "https://verifier.example/demo"},
        "timeVerified": "2025-06-16T10:00:00Z",
        "policy": {"uri": "https://verifier.example/policy"},
        "verificationResult": "PASSED",
    }
    statement = make_json(_in_toto(subject, name, _SUMMARY_PREDICATE, summary))
    signatures = [{"keyid": "", "sig": _base64(noise("cosign attestation", 71))}]
    envelope = {"payloadType": IN_TOTO, "payload": _base64(statement), "signatures": signatures}
    blob = Blob(make_json(envelope), DSSE)
    notes = {"dev.cosignproject.cosign/signature": "", "predicateType": _SUMMARY_PREDICATE}
    return make_manifest(_unknown_config([blob]), [blob], layer_annotations=[notes])


def cosign_tag(subject: Manifest, suffix: str = "sig") -> str:
    """Name the tag under which cosign looks for signatures of a manifest, or by ``"att"`` for attestations."""
    return f"{subject.digest.algorithm}-{subject.digest.hex}.{suffix}"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
