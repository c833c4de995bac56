"""Images: what stands behind a name, through all indexes, with the platform chosen."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from ocinb._settings import Settings
from ocinb.errors import InvalidError, NotFoundError
from ocinb.sources.base import DocumentSource, Source
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, Manifest, RawDocument, parse_index, parse_manifest
from ocinb.spec.image_config import ImageConfig, is_image_config, parse_config
from ocinb.spec.platforms import Platform, choose_platform, list_platforms, meant_platform, parse_platform
from ocinb.spec.schema1 import parse_schema1
from ocinb.spec.strict_json import parse_object

logger = logging.getLogger("ocinb")

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
    """An image or an artifact: its manifest, and its config if it has one that is an image's.

    That of schema 1 stands in the manifest, and its document has a digest that nobody can ask for.
    """

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


class NoPlatformError(NotFoundError):
    """What was asked for is there, and for other platforms only."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name points at: an index with all its children, or a lone manifest (no children then).

    ``said_at`` is that of a `Pointer`.
    """

    document: RawDocument
    indexes: tuple[RawDocument, ...]
    children: tuple[Child, ...]
    said_at: datetime | None = None

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
    pointer = source.look_up(wanted)
    resolved = resolve_document(source, source.document(pointer.descriptor), settings)
    return replace(resolved, said_at=pointer.said_at)


def resolve_document(source: Source, document: RawDocument, settings: Settings) -> Resolved:
    """Read what an index names; a lone manifest stands for itself.

    Raises
    ------
    InvalidError
        If there are too many of them, or they lie too deep.
    """
    if document.media_type not in mediatypes.INDEXES:
        return Resolved(document, (), ())
    walk = _Walk(source, settings)
    children = tuple(walk.through(document, depth=1))
    return Resolved(document, tuple(walk.indexes), children)


def find_images(source: Source, resolved: Resolved, platform: Wanted, settings: Settings) -> list[Image]:
    """Read the images of the wanted platforms.

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


def read_image(source: DocumentSource, document: RawDocument, platform: Platform | None) -> Image:
    """Read a manifest and its config, as `load_image` does, and warn of what does not fit."""
    image = load_image(source, document, platform)
    if image.config is not None and image.manifest.config is not None:  # that of schema 1 has no diff_ids
        numbers = (document.digest, len(image.manifest.layers), len(image.config.diff_ids))
        if numbers[1] != numbers[2]:
            logger.warning("%s has %d layers, but its config has %d diff_ids: none is told", *numbers)
    return image


def load_image(source: DocumentSource, document: RawDocument, platform: Platform | None) -> Image:
    """Read a manifest and its config; of a manifest of an unknown type there is nothing to read.

    Raises
    ------
    InvalidError
        If the bytes are no manifest, or, if nobody knows their type, no JSON object.
    """
    what, media_type = f"the manifest {document.digest}", document.media_type
    if media_type in mediatypes.SCHEMA1:
        return _read_schema1(document, platform)
    if media_type in mediatypes.INDEXES | mediatypes.NO_MANIFESTS:
        hint = None if media_type in mediatypes.INDEXES else "ocinb.document reads what is no image, if it is small"
        raise InvalidError(f"{document.digest} is of type {media_type}, which is no image manifest", hint=hint)
    if media_type not in mediatypes.MANIFESTS | mediatypes.ARTIFACTS:
        parse_object(document.raw, what)  # the manifests of all types that there are, or may be, are JSON
        return Image(document, Manifest(media_type, None, (), None, None, {}), None, None, platform)
    manifest = parse_manifest(document.raw, media_type, what)
    if manifest.config is None or manifest.config.media_type not in mediatypes.MAYBE_CONFIGS:
        return Image(document, manifest, None, None, platform)
    raw_config = source.document(manifest.config)
    if manifest.config.media_type not in mediatypes.IMAGE_CONFIGS and not is_image_config(raw_config.raw):
        return Image(document, manifest, None, None, platform)
    config = parse_config(raw_config.raw, f"the config {raw_config.digest}")
    return Image(document, manifest, raw_config, config, _first_known(platform, config.platform))


def _read_schema1(document: RawDocument, platform: Platform | None) -> Image:
    read = parse_schema1(document.raw, document.media_type, f"the manifest {document.digest}")
    config = RawDocument(read.config_raw, Digest.of(read.config_raw), "application/json")
    return Image(document, read.manifest, config, read.config, _first_known(platform, read.config.platform))


def _first_known(*platforms: Platform | None) -> Platform | None:
    said = [one for one in platforms if one is not None and one.known]
    return said[0] if said else None


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
        hint = f"{_meant(wanted)}It has: {list_platforms(offered)}"
        raise NoPlatformError(f"there is no image for {wanted}", hint=hint)
    return place


def _meant(wanted: Platform) -> str:
    near = meant_platform(wanted)
    return f"Did you mean {near!r}? " if near else ""


def _wanted(platform: Wanted, settings: Settings) -> list[Platform]:
    if platform is None:
        return [_usual(settings)]
    return [parse_platform(text, settings.platform) for text in platform]


def _usual(settings: Settings) -> Platform:
    try:
        return parse_platform(settings.platform)
    except InvalidError as error:
        error.hint = f"It stands in ocinb.settings.platform. {error.hint}"
        raise


def _check_lone(image: Image, platform: Wanted, settings: Settings) -> None:
    if platform is None or platform == ALL or image.config is None:
        return
    for wanted in _wanted(platform, settings):
        _place([image.platform], wanted)


def _distinct(children: list[Child]) -> list[Child]:
    """Give each image once, where its index names it first."""
    found: dict[Digest, Child] = {}
    for child in children:
        found.setdefault(child.descriptor.digest, child)
    return list(found.values())


class _Walk:
    """A way through an index and those in it, in their order, each index once.

    What they name is counted before any of it is fetched: a few small indexes could name millions.
    """

    def __init__(self, source: Source, settings: Settings) -> None:
        self.indexes: list[RawDocument] = []
        self._source = source
        self._settings = settings
        self._children = 0
        self._known: set[Digest] = set()

    def through(self, document: RawDocument, depth: int) -> Iterator[Child]:
        self.indexes.append(document)
        self._known.add(document.digest)
        children = parse_index(document.raw, document.media_type, f"the index {document.digest}").manifests
        inner = dict.fromkeys(child.digest for child in children if child.is_index)
        fresh = {digest for digest in inner if digest not in self._known}
        self._check(document, len(children), len(fresh), depth)
        self._known |= fresh
        for position, descriptor in enumerate(children):
            yield Child(document.digest, position, descriptor)
            if descriptor.is_index and descriptor.digest in fresh:
                fresh.discard(descriptor.digest)
                yield from self.through(self._source.document(descriptor), depth + 1)

    def _check(self, document: RawDocument, children: int, inner: int, depth: int) -> None:
        self._children += children
        settings = self._settings
        if self._children > settings.max_index_children:
            limit = f"max_index_children = {settings.max_index_children:,}"
            raise InvalidError(f"the index {document.digest} leads to more manifests than {limit}")
        if len(self._known) + inner > settings.max_indexes:
            raise InvalidError(
                f"the index {document.digest} leads to more indexes than max_indexes = {settings.max_indexes:,}"
            )
        if inner and depth >= settings.max_index_depth:
            raise InvalidError(f"indexes lie deeper than max_index_depth = {settings.max_index_depth}")
