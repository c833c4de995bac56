"""Images from layers and history: configs, manifests and indexes as builders write them, as plain data.

Sources: OCI image-spec, config.md, manifest.md and image-index.md; distribution's manifest-v2-2.md.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ocinb.errors import InvalidError
from ocinb.samples.tars import Entry, make_tar
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

JSON = dict[str, Any]

# Most of a sample is noise, which no level makes smaller: the fastest will do.
_GZIP_LEVEL = 1
_BUILDKIT = "buildkit.dockerfile.v0"


@dataclass(frozen=True)
class Blob:
    """Some bytes with their media type and their digest."""

    raw: bytes = field(repr=False)
    media_type: str
    digest: Digest = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", Digest.of(self.raw))

    def descriptor(self, **more: Any) -> JSON:
        """Point at these bytes as documents do; ``more`` are further fields, and None leaves one out."""
        known = {"mediaType": self.media_type, "digest": str(self.digest), "size": len(self.raw)}
        return known | {name: value for name, value in more.items() if value is not None}


@dataclass(frozen=True)
class Layer(Blob):
    """A compressed layer, the digest of its tar, and what its descriptor says beside."""

    diff_id: Digest
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    def descriptor(self, **more: Any) -> JSON:
        """Point at the layer, with its annotations if no others are given."""
        return super().descriptor(**more | {"annotations": more.get("annotations") or dict(self.annotations) or None})


@dataclass(frozen=True)
class Manifest(Blob):
    """A manifest or an index, with all that has to be in a registry before it."""

    blobs: tuple[Blob, ...] = ()
    children: tuple[Manifest, ...] = ()


@dataclass(frozen=True)
class Step:
    """One line of an image's history."""

    created_by: str
    created: str
    layer: Layer | None = None
    comment: str = _BUILDKIT


@dataclass(frozen=True)
class Image:
    """An image for one platform."""

    platform: str
    steps: tuple[Step, ...]
    config: Blob
    manifest: Manifest

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, from the base up."""
        return tuple(step.layer for step in self.steps if step.layer)

    def descriptor(self, **more: Any) -> JSON:
        """Point at the image as an index does, with its platform."""
        return self.manifest.descriptor(platform=platform_fields(self.platform), **more)


def make_json(value: Any, *, indent: int | None = None) -> bytes:
    """Write JSON in the order of its keys: builders indent manifests and leave configs on one line."""
    return json.dumps(value, indent=indent, ensure_ascii=False, separators=None if indent else (",", ":")).encode()


def platform_fields(platform: str) -> JSON:
    """Spell a platform out as configs and indexes do.

    >>> platform_fields("linux/arm64/v8")
    {'architecture': 'arm64', 'os': 'linux', 'variant': 'v8'}
    """
    os, architecture, *variant = platform.split("/")
    return {"architecture": architecture, "os": os} | ({"variant": variant[0]} if variant else {})


def moment(start: datetime, seconds: int = 0) -> str:
    """Give a time some seconds after another, with the nanoseconds that builders write.

    >>> from datetime import UTC
    >>> moment(datetime(2025, 2, 3, 9, 12, tzinfo=UTC), 44)
    '2025-02-03T09:12:44.518624827Z'
    """
    nanoseconds = (518_276_391 + seconds * 7_919) % 10**9
    return f"{start + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def make_layer(entries: Iterable[Entry], *, mtime: int = 0, compression: str = "gzip") -> Layer:
    r"""Pack entries into a layer.

    Examples
    --------
    >>> from ocinb.samples.tars import file
    >>> layer = make_layer([file("hello", "hello\n")], compression="none")
    >>> layer.media_type, layer.digest == layer.diff_id
    ('application/vnd.oci.image.layer.v1.tar', True)
    """
    return compress_layer(make_tar(entries, mtime=mtime), compression=compression)


def compress_layer(tar: bytes, *, compression: str = "gzip") -> Layer:
    """Make a layer of the bytes of a tar, whatever they are."""
    if compression == "gzip":
        raw, suffix = gzip.compress(tar, _GZIP_LEVEL, mtime=0), "+gzip"
    elif compression == "zstd":
        raw, suffix = zstd.compress(tar), "+zstd"
    elif compression == "none":
        raw, suffix = tar, ""
    else:
        raise InvalidError(f"there is no compression {compression!r}", hint="There are gzip, zstd and none")
    return Layer(raw, OCI_LAYER + suffix, Digest.of(tar))


def make_image(
    platform: str,
    steps: Sequence[Step],
    *,
    settings: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    docker: bool = False,
) -> Image:
    """Build an image from its history."""
    steps = tuple(map(_docker_step, steps)) if docker else tuple(steps)
    layers = [step.layer for step in steps if step.layer]
    config = Blob(make_json(_config(platform, steps, settings or {})), DOCKER_CONFIG if docker else OCI_CONFIG)
    manifest = make_manifest(
        config, layers, annotations=annotations, media_type=DOCKER_MANIFEST if docker else OCI_MANIFEST
    )
    return Image(platform, steps, config, manifest)


def _docker_step(step: Step) -> Step:
    layer = step.layer
    return replace(step, layer=layer and Layer(layer.raw, DOCKER_LAYER, layer.diff_id, layer.annotations))


def _config(platform: str, steps: Sequence[Step], settings: Mapping[str, Any]) -> JSON:
    created = {"created": steps[-1].created} if steps else {}
    diff_ids = [step.layer.diff_id for step in steps if step.layer]
    return {
        **platform_fields(platform),
        **created,
        "config": dict(settings),
        "history": [_history_entry(step) for step in steps],
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }


def _history_entry(step: Step) -> JSON:
    entry: JSON = {"created": step.created, "created_by": step.created_by}
    if step.comment:
        entry["comment"] = step.comment
    if step.layer is None:
        entry["empty_layer"] = True
    return entry


def make_manifest(
    config: Blob,
    layers: Iterable[Blob],
    *,
    media_type: str = OCI_MANIFEST,
    artifact_type: str | None = None,
    subject: Manifest | None = None,
    annotations: Mapping[str, str] | None = None,
    layer_annotations: Sequence[Mapping[str, str]] = (),
) -> Manifest:
    """Write a manifest of an image or an artifact."""
    layers = tuple(layers)
    notes = [dict(note) for note in layer_annotations] + [None] * (len(layers) - len(layer_annotations))
    document: JSON = {"schemaVersion": 2, "mediaType": media_type}
    if artifact_type:
        document["artifactType"] = artifact_type
    document["config"] = config.descriptor()
    document["layers"] = [layer.descriptor(annotations=note) for layer, note in zip(layers, notes, strict=True)]
    if subject:
        document["subject"] = subject.descriptor()
    if annotations:
        document["annotations"] = dict(annotations)
    return Manifest(make_json(document, indent=2), media_type, (config, *layers))


def make_index(children: Sequence[tuple[Manifest, JSON]], *, annotations: Mapping[str, str] | None = None) -> Manifest:
    """Write an index of manifests, each with the descriptor that it shall have."""
    document: JSON = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor for _, descriptor in children],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return Manifest(make_json(document, indent=2), OCI_INDEX, children=tuple(child for child, _ in children))
