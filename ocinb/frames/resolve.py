"""Opening: from a name to what stands behind it, the first step of every helper function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ocinb._text import short_digest, short_digests
from ocinb.errors import InvalidError
from ocinb.progress.protocol import Task
from ocinb.sources.base import Source
from ocinb.sources.images import ALL, Image, Resolved, Wanted, find_images, resolve_name
from ocinb.sources.session import Session, open_source
from ocinb.spec.documents import Descriptor
from ocinb.spec.image_config import layer_steps
from ocinb.spec.platforms import parse_platform
from ocinb.spec.reference import Reference
from ocinb.storage.layout import Layout

# What may be given for platforms.
Platforms = str | Iterable[str] | None


@dataclass(frozen=True, slots=True)
class ResolvedReference:
    """A name, where it leads, and what it points at."""

    name: str
    reference: Reference
    source: Source
    resolved: Resolved
    session: Session

    def images(self, wanted: Wanted) -> list[Image]:
        """Read the images of some platforms."""
        return find_images(self.source, self.resolved, wanted, self.session.settings)


def resolve_reference(name: str, session: Session, *, store: Layout | None = None) -> ResolvedReference:
    """Find what a name points at."""
    reference = Reference(name)
    source = open_source(reference, session=session, store=store)
    return ResolvedReference(name, reference, source, resolve_name(source, reference.wanted, session.settings), session)


def wanted_platforms(platform: Platforms) -> Wanted:
    """Check the platforms before any request, and hold them: a generator gives its values only once."""
    if platform is None:
        return None
    if isinstance(platform, str) and platform == ALL:
        return ALL
    if isinstance(platform, Mapping | bytes) or not isinstance(platform, Iterable):
        raise InvalidError(f"a platform is a text such as 'linux/arm64', or several, not {platform!r}")
    texts = (platform,) if isinstance(platform, str) else tuple(platform)
    if not texts:
        raise InvalidError("an empty list of platforms chooses nothing", hint="Give one, or 'all'")
    if ALL in [text for text in texts if isinstance(text, str)]:
        raise InvalidError(f"{ALL!r} is no platform of a list", hint=f"platform={ALL!r} takes every image")
    for text in texts:
        parse_platform(text)
    return texts


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
