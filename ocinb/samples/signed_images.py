"""The sample `demo/signed`: three releases about which more and more is said, and not all of it is true.

Nothing is said about 1.0. BuildKit attests 1.1, and a signature of 1.0 lies under the tag for its own. About 2.0 all is
said that tools say today; one of its two lists of packages is wrong in three lines.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ocinb.samples.base_image import (
    CERTIFICATES,
    LICENCE,
    NAME,
    PACKAGES,
    PATH,
    PLATFORMS,
    architecture_of,
    base_image,
    base_index,
    base_steps,
    package_status,
)
from ocinb.samples.images import (
    JSON,
    Blob,
    Image,
    Manifest,
    Step,
    make_image,
    make_index,
    make_json,
    make_layer,
    make_manifest,
    moment,
)
from ocinb.samples.registry_content import Content
from ocinb.samples.tars import Entry, file, noise, with_parents
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
    """Attest an image as BuildKit does: a manifest that pretends to be an image of an unknown platform."""
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


REPOSITORY = "demo/signed"
RELEASES = ("1.0", "1.1", "2.0")

_BUILT_AT = {
    "1.0": datetime(2025, 3, 3, 8, 0, tzinfo=UTC),
    "1.1": datetime(2025, 5, 12, 8, 0, tzinfo=UTC),
    "2.0": datetime(2025, 6, 16, 8, 0, tzinfo=UTC),
}
_INSTALLED = (("curl", "7.88.1-10+deb12u12", 501), ("zlib1g", "1:1.2.13.dfsg-1", 168))
_ALL = (*PACKAGES, CERTIFICATES, *_INSTALLED)
# What the false list says: a mended libc6 that is not in the image, a program that is not there, and no zlib1g.
_MENDED = "2.36-9+deb12u10"
_PHANTOM = ("openssl", "3.0.15-1~deb12u1")


@dataclass(frozen=True)
class _Signed:
    """One release: what it is, and its images."""

    version: str
    images: tuple[Image, ...]
    index: Manifest


def _installed_entries(platform: str) -> list[Entry]:
    return [
        file("usr/bin/curl", noise(f"curl {platform}", 90_000), mode=0o755),
        file("usr/share/doc/curl/copyright", LICENCE),
        file("usr/share/doc/zlib1g/copyright", LICENCE),
        file("var/lib/dpkg/status", package_status(_ALL, platform)),
    ]


def _server(version: str) -> Entry:
    return file("srv/signed/server.py", f'VERSION = "{version}"\n')


def _steps(version: str, platform: str) -> Iterable[Step]:
    built = _BUILT_AT[version]
    installed = make_layer(with_parents(_installed_entries(platform)), mtime=int(_BUILT_AT["1.0"].timestamp()))
    server = make_layer(with_parents([_server(version)]), mtime=int(built.timestamp()))
    install = "apt-get update && apt-get install -y curl zlib1g && rm -rf /var/lib/apt/lists/*"
    yield from base_steps(platform)
    yield Step(f"RUN /bin/sh -c {install} # buildkit", moment(_BUILT_AT["1.0"], 9), installed)
    yield Step("COPY server.py /srv/signed/ # buildkit", moment(built, 10), server)
    yield Step('CMD ["/srv/signed/server.py"]', moment(built, 10))


@functools.cache
def signed_image(version: str, platform: str) -> Image:
    """Build one release for one platform."""
    settings = {"Env": [PATH], "Cmd": ["/srv/signed/server.py"], "User": "nobody"}
    annotations = {
        "org.opencontainers.image.base.name": NAME,
        "org.opencontainers.image.base.digest": base_image(platform).manifest.digest,
        "org.opencontainers.image.version": version,
    }
    return make_image(platform, list(_steps(version, platform)), settings=settings, annotations=annotations)


@functools.cache
def _release(version: str) -> _Signed:
    images = tuple(signed_image(version, platform) for platform in PLATFORMS)
    children = [(image.manifest, image.descriptor()) for image in images]
    if version != "1.0":
        children += [_attested(image, version) for image in images]
    return _Signed(version, images, make_index(children))


def _attested(image: Image, version: str) -> tuple[Manifest, dict[str, object]]:
    name = f"{REPOSITORY}@{version}"
    entries = (*_installed_entries(image.platform), _server(version))
    files = {entry.path: hashlib.sha256(entry.content).hexdigest() for entry in entries}
    statements = {
        "https://spdx.dev/Document": spdx(name, _components(image.platform), files),
        "https://slsa.dev/provenance/v1": provenance(_BUILT_AT[version], {NAME: base_index()}),
    }
    return attestation(image, name, statements)


def _components(platform: str) -> list[Component]:
    return [Component(name, version, architecture_of(platform)) for name, version, _ in _ALL]


def _false_components(platform: str) -> list[Component]:
    architecture = architecture_of(platform)
    told = {name: version for name, version, _ in _ALL if name != "zlib1g"} | {"libc6": _MENDED}
    return [Component(name, version, architecture) for name, version in (*told.items(), _PHANTOM)]


def add_signed(content: Content) -> None:
    """Take in all releases, and what is said about them.

    >>> content = Content()
    >>> add_signed(content)
    >>> [tag for tag in content.repositories["demo/signed"].tags if "-" not in tag]
    ['1.0', '1.1', '2.0']
    """
    first, second, third = map(_release, RELEASES)
    for release in (first, second, third):
        content.add(REPOSITORY, release.index, release.version)
    name = f"registry.example/{REPOSITORY}"
    content.add(REPOSITORY, cosign_signature(first.index, name), cosign_tag(second.index))
    content.add(REPOSITORY, cosign_signature(third.index, name), cosign_tag(third.index))
    content.add(REPOSITORY, cosign_attestation(third.index, name), cosign_tag(third.index, "att"))
    content.add(REPOSITORY, signature(third.index))
    for image in third.images:
        content.add(REPOSITORY, cyclonedx(image.manifest, f"{REPOSITORY}@2.0", _false_components(image.platform)))
