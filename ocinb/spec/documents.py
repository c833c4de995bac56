"""Documents: the raw bytes of an index, a manifest or a config, and what they say.

Sources: OCI image-spec v1.1 descriptor.md, image-index.md, manifest.md; its artifact.md of 1.1.0-rc2 for artifacts that
have no config; distribution's manifest-v2-2.md.
The raw bytes are the truth: they are what has the digest. What is read from them are views.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest, verify
from ocinb.spec.platforms import Platform
from ocinb.spec.strict_json import Fields, parse_object

REFERENCE_TYPE = "vnd.docker.reference.type"
REFERENCE_DIGEST = "vnd.docker.reference.digest"
# The one version that both specifications have.
SCHEMA_VERSION = 2
# What no document can say: Docker's schema 1 names layers without their sizes.
UNKNOWN_SIZE = -1


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What one document says about another thing: its type, its digest and its size in bytes.

    ``urls`` are further places where it may be found, ``data`` is the thing itself where it is embedded.
    """

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    urls: tuple[str, ...] = ()
    data: bytes | None = field(default=None, repr=False)

    @property
    def known_size(self) -> int | None:
        """The size in bytes, or None where the document does not say it."""
        return None if self.size == UNKNOWN_SIZE else self.size

    @property
    def is_index(self) -> bool:
        """Whether it names an index."""
        return self.media_type in mediatypes.INDEXES

    @property
    def kind(self) -> str:
        """What an index's child is: image, attestation, artifact, signature, index or unknown."""
        if self.is_index:
            return "index"
        if REFERENCE_TYPE in self.annotations:
            return "attestation"
        if self.artifact_type in mediatypes.SIGNATURES:
            return "signature"
        if self.media_type not in mediatypes.ALL_MANIFESTS:
            return "unknown"
        is_typed = self.artifact_type and self.artifact_type not in mediatypes.IMAGE_CONFIGS
        if is_typed or self.media_type in mediatypes.ARTIFACTS:
            return "artifact"
        return "image" if self.platform is None or self.platform.known else "unknown"


@dataclass(frozen=True, slots=True)
class RawDocument:
    """The bytes of a document, verified, with the type that they turned out to have.

    ``fetched`` says whether they came over the wire just now, and not out of the store.
    """

    raw: bytes
    digest: Digest
    media_type: str
    fetched: bool = False

    @property
    def descriptor(self) -> Descriptor:
        """What another document would say of it."""
        return Descriptor(self.media_type, self.digest, len(self.raw))


@dataclass(frozen=True, slots=True)
class Index:
    """An image index or a Docker manifest list."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    artifact_type: str | None
    subject: Descriptor | None
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image manifest, or that of an artifact.

    Schema 1 and the artifacts of old have no config; of one of an unknown type nothing is known but that.
    """

    media_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    artifact_type: str | None
    subject: Descriptor | None
    annotations: dict[str, str]


def sniff_media_type(raw: bytes, content_type: str | None, what: str) -> str:
    """Decide what kind of document some bytes are: their own ``mediaType``, their header, or their fields."""
    body = Fields(parse_object(raw, what), what)
    header = mediatypes.bare(content_type)
    said = body.text("mediaType")
    if "manifests" in body and any(key in body for key in ("layers", "config", "blobs", "fsLayers")):
        raise InvalidError(f"{what} is an index and a manifest at once")
    if said and header in mediatypes.ALL_MANIFESTS and said != header:
        raise InvalidError(f"{what} was served as {header}, but says that it is {said}")
    media_type = said or (header if header in mediatypes.ALL_MANIFESTS else _guessed(body, header))
    if media_type in mediatypes.SCHEMA1:
        media_type = _of_schema1(body)  # whoever serves it may not know which of the two it is
    if media_type in mediatypes.ALL_MANIFESTS and any(key in body for key in _fields_of_others(media_type)):
        raise InvalidError(f"{what} says that it is {media_type}, but has the fields of another type")
    return media_type


def blob_media_type(raw: bytes, what: str) -> str:
    """Decide what a blob is of which nothing but its bytes is known; what is no document is bytes."""
    try:
        return sniff_media_type(raw, None, what)
    except InvalidError:
        return "application/octet-stream"


def _guessed(body: Fields, header: str) -> str:
    version = body.integer("schemaVersion")
    if version == 1:
        return _of_schema1(body)
    if version == SCHEMA_VERSION and ("manifests" in body or "config" in body):
        return mediatypes.OCI_INDEX if "manifests" in body else mediatypes.OCI_MANIFEST
    if "rootfs" in body:
        return mediatypes.OCI_CONFIG
    return header if header.startswith("application/vnd.") else "application/json"


def _of_schema1(body: Fields) -> str:
    return mediatypes.DOCKER_SCHEMA1_SIGNED if is_signed(body) else mediatypes.DOCKER_SCHEMA1


def _fields_of_others(media_type: str) -> set[str]:
    """Name the lists that a document of a type must not have: it would be read as another by another reader."""
    lists = {"manifests", "layers", "blobs", "fsLayers"}
    if media_type in mediatypes.INDEXES:
        return lists - {"manifests"}
    if media_type in mediatypes.SCHEMA1:
        return lists - {"fsLayers"}
    return lists - {"blobs" if media_type in mediatypes.ARTIFACTS else "layers"}


def parse_index(raw: bytes, media_type: str, what: str) -> Index:
    """Read an index."""
    body = _versioned(raw, what)
    if not body.says("manifests"):
        raise InvalidError(f"{what} is an index without 'manifests'")
    return Index(
        media_type=media_type,
        manifests=tuple(parse_descriptor(child) for child in body.children("manifests")),
        artifact_type=body.text("artifactType"),
        subject=_optional_descriptor(body, "subject"),
        annotations=body.text_mapping("annotations"),
    )


def parse_manifest(raw: bytes, media_type: str, what: str) -> Manifest:
    """Read a manifest of an image or an artifact."""
    is_artifact = media_type in mediatypes.ARTIFACTS  # which have neither a version nor a config
    body = Fields(parse_object(raw, what), what) if is_artifact else _versioned(raw, what)
    config = None if is_artifact else _optional_descriptor(body, "config")
    if config is None and not is_artifact:
        raise InvalidError(f"{what} is a manifest without 'config'")
    return Manifest(
        media_type=media_type,
        config=config,
        layers=tuple(parse_descriptor(child) for child in body.children("blobs" if is_artifact else "layers")),
        artifact_type=body.text("artifactType"),
        subject=_optional_descriptor(body, "subject"),
        annotations=body.text_mapping("annotations"),
    )


def parse_descriptor(body: Fields) -> Descriptor:
    """Read a descriptor."""
    media_type, name, size = body.text("mediaType"), body.text("digest"), body.integer("size")
    if media_type is None or name is None or size is None:
        raise InvalidError(f"{body.what} needs mediaType, digest and size")
    if size < 0:
        raise InvalidError(f"{body.what} has the size {size}")
    platform, digest = body.child("platform"), Digest(name)
    return Descriptor(
        media_type=media_type,
        digest=digest,
        size=size,
        platform=None if platform is None else parse_platform_object(platform),
        artifact_type=body.text("artifactType"),
        annotations=body.text_mapping("annotations"),
        urls=tuple(body.texts("urls") or ()),
        data=_embedded(body, digest, size),
    )


def _embedded(body: Fields, digest: Digest, size: int) -> bytes | None:
    text = body.text("data")
    if text is None:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise InvalidError(f"'data' of {body.what} has to be base64 (RFC 4648)") from None
    try:
        return verify(data, digest, size)
    except IntegrityError as error:
        raise IntegrityError(f"'data' of {body.what} is not what it stands for: {error.message}") from None


def parse_platform_object(body: Fields) -> Platform:
    """Read the platform of a descriptor, or of a config, which spells it alike; what it does not say is empty."""
    return Platform(
        os=body.text("os") or "",
        architecture=body.text("architecture") or "",
        variant=body.text("variant"),
        os_version=body.text("os.version"),
    )


def _versioned(raw: bytes, what: str) -> Fields:
    body = Fields(parse_object(raw, what), what)
    if body.integer("schemaVersion") != SCHEMA_VERSION:
        raise InvalidError(f"{what} has schemaVersion {body.raw('schemaVersion')!r}, not {SCHEMA_VERSION}")
    return body


def _optional_descriptor(body: Fields, key: str) -> Descriptor | None:
    child = body.child(key)
    return None if child is None else parse_descriptor(child)


_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class _Format:
    """How the payload is put together again."""

    length: int
    tail: bytes


def is_signed(body: Fields) -> bool:
    """Say whether a document is one of schema 1 that carries signatures."""
    return body.raw("schemaVersion") == 1 and "signatures" in body


def digested_bytes(raw: bytes, what: str) -> bytes:
    """Give the bytes whose digest a manifest has: all of them, but of a signed one what was signed."""
    value = parse_object(raw, what)
    body = Fields(value, what)
    if not is_signed(body):
        return raw
    payload = _payload(raw, body)
    said = {key: part for key, part in value.items() if key != "signatures"}
    if parse_object(payload, f"what is signed of {what}") != said:
        raise InvalidError(f"{what} says something else than what is signed of it")
    return payload


def manifest_digest(raw: bytes, what: str, algorithm: str = "sha256") -> Digest:
    """Compute the digest of a manifest of any kind."""
    return Digest.of(digested_bytes(raw, what), algorithm)


def verify_manifest(raw: bytes, digest: Digest) -> bytes:
    """Return the bytes of a manifest of any kind if they are the promised ones."""
    try:
        return verify(raw, digest)
    except IntegrityError as error:
        try:
            payload = digested_bytes(raw, str(digest))
        except InvalidError:
            raise error from None
    verify(payload, digest)
    return raw


def _payload(raw: bytes, body: Fields) -> bytes:
    formats = {_format(signature) for signature in body.children("signatures")}
    if len(formats) != 1:
        count = "no signatures" if not formats else "signatures that do not sign the same"
        raise InvalidError(f"{body.what} has {count}")
    (form,) = formats
    if not 0 < form.length <= len(raw):
        raise InvalidError(f"{body.what} has {len(raw):,} bytes, of which {form.length:,} are said to be signed")
    return raw[: form.length] + form.tail


def _format(signature: Fields) -> _Format:
    what = f"the protected header of {signature.what}"
    header = Fields(parse_object(_decoded(signature, "protected"), what), what)
    length = header.integer("formatLength")
    if length is None:
        raise InvalidError(f"{what} has no formatLength")
    return _Format(length, _decoded(header, "formatTail"))


def _decoded(body: Fields, key: str) -> bytes:
    text: Any = body.text(key)
    if text is None or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise InvalidError(f"{key!r} of {body.what} has to be base64url without padding (RFC 7515)")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
