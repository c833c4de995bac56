"""Distributions: what the os-release files of images say, which of all contents alone the catalogue looks at."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

import duckdb

from ocinb._pool import check_stopped
from ocinb._settings import Settings
from ocinb.archive.compression import Limits, decompressed
from ocinb.archive.entries import FILE, SYMLINK
from ocinb.archive.tar import TarLimits, read_entry
from ocinb.errors import OcinbError
from ocinb.frames.reading import LayerContents
from ocinb.rootfs.distribution import MOST_BYTES, OS_RELEASE_PATHS, distribution_of
from ocinb.spec.digest import Digest
from ocinb.storage.blobs import CHUNK
from ocinb.storage.files import disk_errors
from ocinb.storage.layout import Layout
from ocinb.storage.plain import open_file

# From etc/os-release to usr/lib/os-release is one, and some distributions have one more.
MOST_LINKS: Final = 8

_STANDS_AT = """
    SELECT type, link_target, layer_digest, position, size_bytes, sha256
    FROM manifest_layers
    JOIN files USING (layer_digest)
    ANTI JOIN (FROM overlay WHERE manifest_digest = $digest AND NOT visible) AS unseen USING (layer, position)
    WHERE manifest_digest = $digest AND path = $path AND type IN ('file', 'symlink', 'hardlink')
    ORDER BY layer DESC
    LIMIT 1
"""
_NOTE = "UPDATE manifests SET distribution = $distribution WHERE manifest_digest = $digest"


@dataclass(frozen=True, slots=True)
class _Content:
    """The content of a file in a layer."""

    layer: Digest
    position: int
    size: int
    sha256: str


class Distributions:
    """Says which distribution images are of; a content that many have is read once.

    Parameters
    ----------
    store
        Where the layers are that were read as a whole.
    settings
        How much a tar may ask for.
    """

    def __init__(self, store: Layout, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._known: dict[str, str | None] = {}

    def learn(self, layers: Iterable[LayerContents]) -> None:
        """Read the os-release files of layers, so that nobody waits for that while images are written."""
        for layer in layers:
            entries = layer.entries
            for place in _places(entries.path):
                digest, size = entries.sha256[place], entries.size_bytes[place]
                if entries.type[place] == FILE and digest is not None and size <= MOST_BYTES:
                    content = _Content(layer.descriptor.digest, entries.position[place], size, digest.hex())
                    self._distribution(content, layer, place)

    def note(self, connection: duckdb.DuckDBPyConnection, manifest_digest: str) -> None:
        """Note the distribution of an image whose entries stand in the tables.

        NULL is what has no such file, or one that is not here, as when a layer was removed from the store: that is no
        reason to do without the image.
        """
        for path in OS_RELEASE_PATHS:
            content = _lead(connection, manifest_digest, path)
            distribution = None if content is None else self._distribution(content)
            if distribution is not None:
                values = {"digest": str(manifest_digest), "distribution": distribution}
                connection.execute(_NOTE, values)
                return

    def _distribution(self, content: _Content, layer: LayerContents | None = None, place: int = 0) -> str | None:
        if content.sha256 not in self._known:
            with suppress(OcinbError):  # somebody else may have it whole
                raw = self._stored(content) if layer is None or layer.toc is None else layer.toc.read(place)
                if hashlib.sha256(raw, usedforsecurity=False).hexdigest() == content.sha256:
                    self._known[content.sha256] = distribution_of(raw)
        return self._known.get(content.sha256)

    def _stored(self, content: _Content) -> bytes:
        settings, where = self._settings, f"the layer {content.layer}"
        limits = TarLimits(settings.max_tar_entries, settings.max_tar_header_bytes, settings.max_unpacked_bytes)
        path = self._store.blobs.path(content.layer)
        with disk_errors(path), open_file(path) as file:
            size = self._store.blobs.size(content.layer)
            tar = decompressed(_chunks(file), Limits.of(settings), where, size=size)
            return read_entry(tar, content.position, limits, where)


def _places(paths: list[str]) -> Iterator[int]:
    """Find the os-release files among the paths of a layer: of each path the last entry, which is the one that counts.

    >>> list(_places(["etc/os-release", "x", "etc/os-release"]))
    [2]
    """
    for path in OS_RELEASE_PATHS:
        if path in paths:
            yield len(paths) - 1 - paths[::-1].index(path)


def _lead(connection: duckdb.DuckDBPyConnection, manifest_digest: str, path: str) -> _Content | None:
    """Follow the links from a path to a content, by their texts; None if there is none that may be an os-release."""
    for _ in range(MOST_LINKS):
        values = {"digest": str(manifest_digest), "path": path}
        found = connection.execute(_STANDS_AT, values).fetchall()
        if not found:
            return None
        [(kind, target, layer, position, size, sha256)] = found
        if kind == FILE:
            return _Content(Digest(layer), position, size, sha256) if sha256 and size <= MOST_BYTES else None
        path = _target(path, kind, target or "")
    return None


def _target(path: str, kind: str, target: str) -> str:
    """Say where a link leads, if no link is on the way there.

    >>> _target("etc/os-release", "symlink", "../usr/lib/os-release")
    'usr/lib/os-release'
    """
    beside = posixpath.dirname(path) if kind == SYMLINK else ""
    return posixpath.normpath(posixpath.join("/", beside, target)).lstrip("/")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        check_stopped()
        yield chunk
