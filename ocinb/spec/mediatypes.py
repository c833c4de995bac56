"""Media types of OCI and Docker: what a document or blob says that it is.

Sources: OCI image-spec media-types.md; distribution's manifest-v2-2.md for Docker's names.
"""

from __future__ import annotations

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
# What distribution calls a layer of schema 1, whose documents say nothing about it.
DOCKER_SCHEMA1_LAYER = "application/vnd.docker.container.image.rootfs.diff+x-gtar"

# Artifacts before 1.1 gave them the manifest of an image: ORAS's own, and what the release candidates made of it.
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
ORAS_ARTIFACT = "application/vnd.cncf.oras.artifact.manifest.v1+json"

IN_TOTO = "application/vnd.in-toto+json"

INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
SCHEMA1 = frozenset({DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED})
ARTIFACTS = frozenset({OCI_ARTIFACT, ORAS_ARTIFACT})
IMAGE_CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})
# Docker before 1.10 pushed image configs under the type that says nothing.
MAYBE_CONFIGS = IMAGE_CONFIGS | {"application/octet-stream"}
SIGNATURES = frozenset(
    {
        "application/vnd.cncf.notary.signature",
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
    }
)

# All of them, in the order of preference: without the OCI two a registry hides what it has, or converts it. Schema 1
# stands last, for a registry that has it converts to it whoever names nothing better.
_PREFERENCE = (
    OCI_INDEX,
    OCI_MANIFEST,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_ARTIFACT,
    ORAS_ARTIFACT,
    DOCKER_SCHEMA1_SIGNED,
    DOCKER_SCHEMA1,
)
ACCEPT_MANIFESTS = ", ".join(_PREFERENCE)
ALL_MANIFESTS = frozenset(_PREFERENCE)
# What says of a document that it is something else than a manifest, or nothing at all.
NO_MANIFESTS = MAYBE_CONFIGS | {"application/json", "text/plain"}

_SUFFIXES = {"+gzip": "gzip", ".gzip": "gzip", "+zstd": "zstd", ".zstd": "zstd", "+bzip2": "bzip2", "+xz": "xz"}


def bare(content_type: str | None) -> str:
    """Cut parameters and case off a ``Content-Type`` header.

    >>> bare("Application/JSON; charset=utf-8")
    'application/json'
    """
    return (content_type or "").partition(";")[0].strip().lower()


def layer_compression(media_type: str) -> str | None:
    """Say how a layer's media type says that it is compressed; None if it is no layer's type.

    >>> layer_compression("application/vnd.docker.image.rootfs.diff.tar.gzip")
    'gzip'
    >>> layer_compression("application/vnd.oci.image.layer.v1.tar")
    'none'
    """
    for suffix, compression in _SUFFIXES.items():
        if media_type.endswith(suffix):
            return compression
    return "none" if media_type.endswith((".tar", "+tar")) else None
