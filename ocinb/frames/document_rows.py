"""Rows: what the documents of an image say, as the frames and the catalogue tell it, without any I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ocinb.sources.images import Child, Image
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import REFERENCE_DIGEST, Manifest
from ocinb.spec.image_config import align_history, chain_ids, layer_steps
from ocinb.spec.platforms import Platform

Row = dict[str, Any]

# What attests or signs and says so nowhere but in the types of its blobs: BuildKit's attestations when they are asked
# for by digest, and what cosign keeps under its tags. Both come with the config of an image.
_KINDS_BY_BLOBS = {
    frozenset({mediatypes.IN_TOTO}): "attestation",
    frozenset({"application/vnd.dsse.envelope.v1+json"}): "attestation",
    frozenset({"application/vnd.dev.cosign.simplesigning.v1+json"}): "signature",
}


def image_kind(image: Image) -> str:
    """Say what a manifest is by itself: image, attestation, signature, artifact or unknown."""
    if image.manifest.media_type not in mediatypes.ALL_MANIFESTS:
        return "unknown"
    if _artifact_type(image.manifest) in mediatypes.SIGNATURES:
        return "signature"
    by_blobs = _KINDS_BY_BLOBS.get(frozenset(layer.media_type for layer in image.manifest.layers))
    return by_blobs or ("artifact" if image.config is None else "image")


def image_fields(name: str, image: Image) -> Row:
    """Give the columns with which each row about an image begins."""
    return {
        "reference": name,
        "platform": platform_text(image.platform),
        "manifest_digest": image.document.digest,
    }


def platform_text(platform: Platform | None) -> str | None:
    """Give a platform in its normal form; None if it says nothing."""
    return str(platform) if platform is not None and platform.known else None


def child_row(child: Child) -> Row:
    """Tell of a manifest in an index what the index says of it."""
    descriptor = child.descriptor
    return {
        "index_digest": child.index_digest,
        "position": child.position,
        "kind": descriptor.kind,
        **_platform_fields(descriptor.platform),
        "digest": descriptor.digest,
        "media_type": descriptor.media_type,
        "artifact_type": descriptor.artifact_type,
        "manifest_bytes": descriptor.size,
        "subject": descriptor.annotations.get(REFERENCE_DIGEST),
        "annotations": descriptor.annotations,
    }


def lone_row(image: Image) -> Row:
    """Tell of a manifest that stands in no index what it says itself."""
    manifest, document = image.manifest, image.document
    return {
        "kind": image_kind(image),
        **_platform_fields(image.platform),
        "digest": document.digest,
        "media_type": document.media_type,
        "artifact_type": _artifact_type(manifest) if image.config is None else manifest.artifact_type,
        "manifest_bytes": len(document.raw),
        "subject": manifest.subject.digest if manifest.subject else None,
        "annotations": manifest.annotations,
    }


def layer_rows(image: Image) -> Iterator[Row]:
    """Tell of the layers, from the base up."""
    stacked = image.manifest.layers
    diff_ids, chain = layer_identities(image)
    steps = layer_steps(image.config.history if image.config else (), len(stacked))
    for number, (descriptor, diff_id, chain_id, step) in enumerate(zip(stacked, diff_ids, chain, steps, strict=True)):
        yield {
            "layer": number,
            "digest": descriptor.digest,
            "diff_id": diff_id,
            "chain_id": chain_id,
            "media_type": descriptor.media_type,
            "compression": mediatypes.layer_compression(descriptor.media_type),
            "compressed_bytes": descriptor.known_size,
            "instruction": step.instruction if step else None,
            "created_by": step.created_by if step else None,
            "created": step.created if step else None,
        }


def layer_identities(image: Image) -> tuple[Sequence[Digest | None], Sequence[Digest | None]]:
    """Give diff_ids and chain IDs; of a config that has not as many of them as there are layers, none is believed."""
    known, count = image.config.diff_ids if image.config else (), len(image.manifest.layers)
    return (known, chain_ids(known)) if len(known) == count else ((None,) * count, (None,) * count)


def history_rows(image: Image) -> Iterator[Row]:
    """Tell of the steps that built it."""
    if image.config is None:
        return
    entries, stacked = image.config.history, image.manifest.layers
    for position, (entry, layer) in enumerate(zip(entries, align_history(entries, len(stacked)), strict=True)):
        yield {
            "position": position,
            "layer": layer,
            "empty_layer": entry.empty_layer,
            "instruction": entry.instruction,
            "created_by": entry.created_by,
            "created": entry.created,
            "author": entry.author,
            "comment": entry.comment,
            "layer_digest": None if layer is None else stacked[layer].digest,
            "compressed_bytes": None if layer is None else stacked[layer].known_size,
        }


def config_rows(image: Image) -> Iterator[Row]:
    """Tell of the config, if it is that of an image; one that stands in its manifest has no digest to ask for."""
    config, document = image.config, image.config_document
    if config is None or document is None or image_kind(image) != "image":
        return
    yield {
        "digest": document.digest if image.manifest.config else None,
        "created": config.created,
        "author": config.author,
        "os": config.platform.os or None,
        "architecture": config.platform.architecture or None,
        "variant": config.platform.variant,
        "user": config.user,
        "entrypoint": config.entrypoint,
        "cmd": config.cmd,
        "env": config.env,
        "labels": config.labels,
        "exposed_ports": config.exposed_ports,
        "volumes": config.volumes,
        "working_dir": config.working_dir,
        "stop_signal": config.stop_signal,
        "healthcheck": config.healthcheck,
    }


def _artifact_type(manifest: Manifest) -> str | None:
    # manifest.md: without artifactType the type of the config is the type of the artifact.
    return manifest.artifact_type or (manifest.config.media_type if manifest.config else None)


def _platform_fields(platform: Platform | None) -> Row:
    if platform is None:
        return {}
    return {
        "platform": platform_text(platform),
        "os": platform.os or None,
        "architecture": platform.architecture or None,
        "variant": platform.variant,
        "os_version": platform.os_version,
    }
