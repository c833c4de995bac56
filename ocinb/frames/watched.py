"""Watched: what whoever looks at a panel is told of names and of the blobs of images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocinb._text import short_digest, short_digests
from ocinb.progress.protocol import Task
from ocinb.sources.images import Image
from ocinb.spec.documents import Descriptor
from ocinb.spec.layer_identity import layer_steps


def blob_tasks(image: Image, blobs: Iterable[Descriptor]) -> list[Task]:
    """Tell of blobs of an image, and with which step the layers among them were made."""
    layers = image.manifest.layers
    steps = layer_steps(image.config.history if image.config else (), len(layers))
    made = {layer.digest: step for layer, step in zip(layers, steps, strict=True)}
    tasks = []
    for blob in blobs:
        step = made.get(blob.digest)
        detail = (step.instruction if step else None) or blob.media_type
        tasks.append(Task(blob.digest, short_digest(blob.digest), blob.known_size or 0, detail))
    return tasks


def counted_names(names: Sequence[str]) -> str:
    """Say which name it is, with as much of a digest as people read, or how many there are.

    >>> counted_names(["demo/shop@sha256:" + "ab" * 32])
    'demo/shop@sha256:abababababab…'
    """
    return short_digests(names[0]) if len(names) == 1 else f"{len(names):,} references"
