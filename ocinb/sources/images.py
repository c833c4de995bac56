"""Images: what stands behind a name, through all indexes, with the platform chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ocinb._settings import Settings
from ocinb.errors import InvalidError, NotFoundError
from ocinb.sources.base import RawDocument, Source
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, Index, Manifest, parse_index, parse_manifest
from ocinb.spec.imageconfig import ImageConfig, is_image_config, parse_config
from ocinb.spec.platforms import Platform, choose_platform, list_platforms, parse_platform

ALL: Final = "all"
Wanted = Literal["all"] | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Child:
    """A manifest in an index: where it stands, and what the index says of it."""

    index_digest: Digest
    position: int
    descriptor: Descriptor


@dataclass(frozen=True, slots=True)
class Image:
    """An image or an artifact: its manifest, and its config if it has one that is an image's."""

    document: RawDocument
    manifest: Manifest
    config_document: RawDocument | None
    config: ImageConfig | None
    platform: Platform | None

    @property
    def descriptor(self) -> Descriptor:
        """The manifest as an index would name it."""
        plain = self.document.descriptor
        return Descriptor(plain.media_type, plain.digest, plain.size, self.platform)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name points at: an index with all its children, or a lone manifest (no children then)."""

    document: RawDocument
    indexes: tuple[RawDocument, ...]
    children: tuple[Child, ...]

    @property
    def is_index(self) -> bool:
        """Whether there are several manifests behind the name."""
        return bool(self.indexes)


def resolve_name(source: Source, wanted: str, settings: Settings) -> Resolved:
    """Find what a name points at, and read the index, with those in it.

    Raises
    ------
    InvalidError
        If there are too many of them, or they lie too deep.
    """
    document = source.document(source.resolve(wanted))
    if document.media_type not in mediatypes.INDEXES:
        return Resolved(document, (), ())
    indexes: list[RawDocument] = []
    children: list[Child] = []
    for child in _walk(source, document, settings, indexes, depth=1):
        children.append(child)
        if len(children) > settings.max_index_children:
            raise InvalidError(f"there are more manifests than max_index_children = {settings.max_index_children:,}")
    return Resolved(document, tuple(indexes), tuple(children))


def find_images(source: Source, resolved: Resolved, platform: Wanted, settings: Settings) -> list[Image]:
    """Read the images of the wanted platforms.

    Parameters
    ----------
    source
        Where they are.
    resolved
        What the name points at.
    platform
        Some, ``"all"``, or None for the default; with None an image that has one platform only is taken as
        it is.

    Raises
    ------
    NotFoundError
        If a platform is not there; the message lists those that are.
    """
    if not resolved.is_index:
        image = read_image(source, resolved.document, None)
        _check_lone(image, platform, settings)
        return [image]
    chosen = choose_children(resolved.children, platform, settings)
    return [read_image(source, source.document(child.descriptor), child.descriptor.platform) for child in chosen]


def read_image(source: Source, document: RawDocument, platform: Platform | None) -> Image:
    """Read a manifest and its config.

    Raises
    ------
    InvalidError
        If the bytes are no manifest, or the config does not fit it.
    """
    what = f"the manifest {document.digest}"
    if document.media_type not in mediatypes.MANIFESTS:
        raise InvalidError(f"{document.digest} is of type {document.media_type}, which is no image manifest")
    manifest = parse_manifest(document.raw, document.media_type, what)
    if manifest.config.media_type not in mediatypes.MAYBE_CONFIGS:
        return Image(document, manifest, None, None, platform)
    raw_config = source.document(manifest.config)
    if manifest.config.media_type not in mediatypes.IMAGE_CONFIGS and not is_image_config(raw_config.raw):
        return Image(document, manifest, None, None, platform)
    config = parse_config(raw_config.raw, f"the config {raw_config.digest}")
    if len(config.diff_ids) != len(manifest.layers):
        raise InvalidError(
            f"{what} has {len(manifest.layers)} layers, but its config {raw_config.digest} has "
            f"{len(config.diff_ids)} diff_ids",
            hint="The image was built wrong; its layers cannot be told apart",
        )
    said = [one for one in (platform, config.platform) if one is not None and one.known]
    return Image(document, manifest, raw_config, config, said[0] if said else None)


def choose_children(children: Sequence[Child], platform: Wanted, settings: Settings) -> list[Child]:
    """Choose the children of an index by platform; attestations and artifacts are never chosen.

    Raises
    ------
    NotFoundError
        If a platform is not there.
    """
    images = _distinct([child for child in children if child.descriptor.kind == "image"])
    offered = [child.descriptor.platform for child in images]
    if platform == ALL:
        return images
    if platform is None and len({str(one) for one in offered}) == 1:
        return images[:1]
    places = [_place(offered, wanted) for wanted in _wanted(platform, settings)]
    return [images[place] for place in dict.fromkeys(places)]


def _place(offered: Sequence[Platform | None], wanted: Platform) -> int:
    place = choose_platform(offered, wanted)
    if place is None:
        hint = f"It has: {list_platforms(offered)}"
        raise NotFoundError(f"there is no image for {wanted}", hint=hint)
    return place


def _wanted(platform: Wanted, settings: Settings) -> list[Platform]:
    if platform is None:
        return [parse_platform(settings.platform)]
    return [parse_platform(text, settings.platform) for text in platform]


def _check_lone(image: Image, platform: Wanted, settings: Settings) -> None:
    if platform is None or platform == ALL or image.config is None:
        return
    for wanted in _wanted(platform, settings):
        _place([image.platform], wanted)


def _distinct(children: list[Child]) -> list[Child]:
    return list({child.descriptor.digest: child for child in reversed(children)}.values())[::-1]


def _walk(
    source: Source, document: RawDocument, settings: Settings, indexes: list[RawDocument], depth: int
) -> Iterator[Child]:
    """Go through an index and those in it, in their order, each index once."""
    if depth > settings.max_index_depth:
        raise InvalidError(f"indexes lie deeper than max_index_depth = {settings.max_index_depth}")
    indexes.append(document)
    index: Index = parse_index(document.raw, document.media_type, f"the index {document.digest}")
    for position, descriptor in enumerate(index.manifests):
        yield Child(document.digest, position, descriptor)
        if descriptor.is_index and all(descriptor.digest != known.digest for known in indexes):
            yield from _walk(source, source.document(descriptor), settings, indexes, depth + 1)
