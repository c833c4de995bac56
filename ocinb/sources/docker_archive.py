"""Docker archives: what ``docker save`` writes, with a manifest made for each image from what it keeps.

Sources: moby's image/spec/v1.2.md for ``manifest.json``; docker from 25.0 on, which puts an OCI layout beside it;
containers/image and crane, which write the same form. Docker before 1.10 wrote none that says enough.

A made manifest names the config and the layers as they stand. A layer that is a bare tar has its diff_id for a digest,
which is so by definition, and is found out to be a lie when the bytes are read. One that is compressed is hashed. Where
an archive has both, this reads what docker wrote of its images, and ``oci-archive:`` on the same file the layout.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ocinb._pool import alone
from ocinb._settings import Settings
from ocinb.archive.compression import MAGIC_BYTES, compression_of
from ocinb.errors import InvalidError
from ocinb.sources.file_reader import Content
from ocinb.sources.layout import blob_in, open_archive
from ocinb.sources.local import Contents
from ocinb.sources.name_lookup import MARKER, Entries, Entry
from ocinb.sources.tar_index import TarIndex
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.image_config import parse_config
from ocinb.spec.reference import Reference
from ocinb.spec.strict_json import Fields, parse_object

MANIFEST = "manifest.json"

_BLOB_PATH = re.compile(r"blobs/(sha256|sha384|sha512)/([0-9a-f]+)")


def open_docker_archive(path: Path, where: str, settings: Settings) -> Contents:
    """Read which images an archive of docker has.

    Raises
    ------
    NotFoundError
        If it is not there.
    InvalidError
        If it is no archive of docker.
    """
    members = open_archive(path, where, settings)
    raw = members.read(MANIFEST, settings.max_list_bytes, "max_list_bytes")
    if raw is None:
        raise InvalidError(f"{where} has no file {MANIFEST!r}, as docker save writes it", hint=_instead(members))
    what = f"{MANIFEST!r} of {where}"
    images = _listed(raw, what)
    if len(images) > settings.max_index_children:
        limit = f"max_index_children = {settings.max_index_children:,}"
        raise InvalidError(f"{where} has {len(images):,} images, more than {limit}")
    archive = _DockerArchive(members, where, settings)
    entries = [Entry(_names(image), partial(archive.describe, place, image)) for place, image in enumerate(images)]
    return Contents(Entries(where, entries), archive.find, archive.made)


@dataclass(frozen=True, slots=True)
class _Config:
    """What a manifest needs to know of a config."""

    digest: Digest
    size: int
    diff_ids: tuple[Digest, ...]


class _DockerArchive:
    """The images that were looked at so far, and where their blobs are."""

    def __init__(self, members: TarIndex, where: str, settings: Settings) -> None:
        self.made: dict[Digest, bytes] = {}
        self._members = members
        self._where = where
        self._settings = settings
        self._described: dict[int, Descriptor] = {}
        self._blobs: dict[Digest, Content] = {}
        self._configs: dict[Content, _Config] = {}
        self._hashed: dict[Content, Digest] = {}

    def find(self, digest: Digest) -> Content | None:
        """Give a config or layer of an image that was looked at, or what else an OCI layout in the archive has."""
        return self._blobs.get(digest) or blob_in(self._members, digest)

    def describe(self, place: int, image: Fields) -> Descriptor:
        """Make the manifest of an image, once."""
        with alone((id(self), place)):
            if place not in self._described:
                raw = self._make(image)
                digest = Digest.of(raw)
                self.made[digest] = raw
                self._described[place] = Descriptor(mediatypes.OCI_MANIFEST, digest, len(raw))
            return self._described[place]

    def _make(self, image: Fields) -> bytes:
        name, paths = image.text("Config"), image.texts("Layers") or []
        if name is None:
            raise InvalidError(f"{image.what} names no config")
        config = self._config(name)
        if len(config.diff_ids) != len(paths):
            raise InvalidError(
                f"{image.what} has {len(paths)} layers, but its config has {len(config.diff_ids)} diff_ids",
                hint="The archive was written wrong; its layers cannot be told apart",
            )
        layers = [self._layer(path, diff_id) for path, diff_id in zip(paths, config.diff_ids, strict=True)]
        return _manifest(_descriptor(mediatypes.OCI_CONFIG, config.digest, config.size), layers)

    def _config(self, name: str) -> _Config:
        """Read a config, once: thousands of images may name it."""
        content = self._members.sole(name)
        if content is not None and content in self._configs:
            return self._configs[content]
        raw = self._members.read(name, self._settings.max_manifest_bytes, "max_manifest_bytes")
        if raw is None or content is None:
            raise InvalidError(f"there is no {name!r} in {self._where}, though {MANIFEST!r} names it as a config")
        diff_ids = parse_config(raw, f"the config {name!r} of {self._where}").diff_ids
        config = self._configs[content] = _Config(Digest.of(raw), len(raw), diff_ids)
        self._blobs[config.digest] = content
        return config

    def _layer(self, path: str, diff_id: Digest) -> dict[str, object]:
        content = self._members.find(path)
        if content is None:
            raise InvalidError(f"there is no {path!r} in {self._where}, though {MANIFEST!r} names it as a layer")
        compression = compression_of(content.beginning(MAGIC_BYTES))
        digest = diff_id if compression == "none" else self._hash(path, content)
        self._blobs[digest] = content
        suffix = "" if compression == "none" else f"+{compression}"
        return _descriptor(f"{mediatypes.OCI_LAYER}{suffix}", digest, content.size)

    def _hash(self, path: str, content: Content) -> Digest:
        """Give the digest that the path of a layout promises, which is checked as that of any blob; else hash it."""
        promised = _BLOB_PATH.fullmatch(path)
        if promised is not None:
            return Digest(f"{promised[1]}:{promised[2]}")
        if content not in self._hashed:
            self._hashed[content] = content.digest()
        return self._hashed[content]


def _listed(raw: bytes, what: str) -> list[Fields]:
    """Take the list of images apart, strictly; only objects are read so, and the whole is none."""
    body = parse_object(b'{"images": %b}' % raw, what)
    if len(body) != 1:
        raise InvalidError(f"{what} is not a JSON list")
    return Fields(body, what).children("images")


def _names(image: Fields) -> tuple[str, ...]:
    """Give the names of an image in full; what is none in docker's eyes, ``<none>:<none>``, names nothing."""
    names = map(_full, image.texts("RepoTags") or [])
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _full(name: str) -> str | None:
    try:
        return Reference(f"docker://{name}").canonical.removeprefix("docker://")
    except InvalidError:
        return None


def _descriptor(media_type: str, digest: Digest, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(digest), "size": size}


def _manifest(config: dict[str, object], layers: Sequence[dict[str, object]]) -> bytes:
    document = {"schemaVersion": 2, "mediaType": mediatypes.OCI_MANIFEST, "config": config, "layers": layers}
    return json.dumps(document, separators=(",", ":")).encode()


def _instead(members: TarIndex) -> str | None:
    if MARKER in members:
        return f"Did you mean oci-archive:{members.where.partition(':')[2]}?"
    if "repositories" in members:
        return "It was saved by Docker before 1.10; load and save it again by a newer one"
    return None
