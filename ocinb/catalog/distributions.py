"""Distributions: what the os-release files of images say, which of all contents alone the catalogue looks at."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import duckdb

from ocinb._settings import Settings
from ocinb.archive.entries import FILE, HARDLINK, SYMLINK, Columns
from ocinb.errors import OcinbError
from ocinb.frames.layer_reader import LayerContents
from ocinb.layer_index import read_stored_entry
from ocinb.rootfs.os_release import MOST_BYTES, OS_RELEASE_PATHS, distribution_of
from ocinb.rootfs.shared_overlay import Exceptions
from ocinb.spec.digest import Digest
from ocinb.storage.layout import Layout

# From etc/os-release to usr/lib/os-release is one, and some distributions have one more.
MOST_LINKS: Final = 8
_KINDS: Final = frozenset({FILE, SYMLINK, HARDLINK})
# So many files and links of a layer whose path has this word are looked at, beside those at the usual places.
MOST_NAMED: Final = 64
WORD: Final = "os-release"

_NAMED = """
    SELECT layer_digest, path, type, link_target, position, size_bytes, sha256
    FROM files
    WHERE layer_digest IN (SELECT unnest($digests::VARCHAR[])) AND contains(path, $word)
        AND type IN ('file', 'symlink', 'hardlink')
    ORDER BY layer_digest, position
"""


@dataclass(frozen=True, slots=True)
class _Named:
    """A file or a link in a layer that may be, or lead to, an os-release file."""

    layer: Digest
    path: str
    kind: str
    target: str | None
    position: int
    size: int
    sha256: str | None


class Distributions:
    """Says which distribution images are of; a content that many have is read once."""

    def __init__(self, store: Layout, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._named: dict[Digest, dict[str, _Named]] = {}  # of a layer, by path
        self._known: dict[str, str | None] = {}  # by the digest of a content

    def learn(self, layers: Iterable[LayerContents]) -> None:
        """Note the os-release files of layers, and read those at the usual places: nobody waits for that later."""
        for layer in layers:
            digest, entries = layer.descriptor.digest, layer.entries
            places = [place for place, path in enumerate(entries.path) if WORD in path]
            self._named[digest] = _by_path(_named(digest, entries, place) for place in places)
            where = {entries.position[place]: place for place in places}
            for path in OS_RELEASE_PATHS:
                named = self._named[digest].get(path)
                if named is not None and _is_content(named):
                    self._distribution(named, layer, where[named.position])

    def recall(self, connection: duckdb.DuckDBPyConnection, digests: Collection[Digest]) -> None:
        """Note the os-release files of layers that stand in the catalogue."""
        found: dict[Digest, list[_Named]] = {digest: [] for digest in digests}
        values = {"digests": [str(digest) for digest in digests], "word": WORD}
        for digest, *rest in connection.execute(_NAMED, values).fetchall() if found else ():
            found[digest].append(_Named(Digest(digest), *rest))
        self._named |= {digest: _by_path(named) for digest, named in found.items()}

    def find(self, digests: Sequence[Digest], found: Exceptions) -> str | None:
        """Say of which distribution an image is, by the digests of its layers and what became of their entries.

        None is what has no such file, or one that is not here, as when a layer was removed from the store: that is no
        reason to do without the image.
        """
        stacked = [self._named.get(digest, {}) for digest in digests]
        places = zip(found.layer, found.position, found.visible, strict=True)
        unseen = {(layer, position) for layer, position, visible in places if stacked[layer] and not visible}
        shown: dict[str, _Named] = {}
        for layer, named in enumerate(stacked):
            shown |= {path: one for path, one in named.items() if (layer, one.position) not in unseen}
        contents = filter(None, (_lead(shown, path) for path in OS_RELEASE_PATHS))
        return next(filter(None, map(self._distribution, contents)), None)

    def _distribution(self, content: _Named, layer: LayerContents | None = None, place: int = 0) -> str | None:
        known = content.sha256 or ""
        if known not in self._known:
            with suppress(OcinbError):  # somebody else may have it whole
                raw = self._stored(content) if layer is None or layer.toc is None else layer.toc.read(place)
                if hashlib.sha256(raw, usedforsecurity=False).hexdigest() == known:
                    self._known[known] = distribution_of(raw)
        return self._known.get(known)

    def _stored(self, content: _Named) -> bytes:
        return read_stored_entry(self._store, self._settings, content.layer, content.position)


def _named(digest: Digest, entries: Columns, place: int) -> _Named:
    sha256 = entries.sha256[place]
    return _Named(
        digest,
        entries.path[place],
        entries.type[place],
        entries.link_target[place],
        entries.position[place],
        entries.size_bytes[place],
        sha256.hex() if sha256 else None,
    )


def _by_path(named: Iterable[_Named]) -> dict[str, _Named]:
    """Keep of each path the last entry, which is the one that counts, and not more paths than there may be."""
    kept: dict[str, _Named] = {}
    for one in named:
        usual = one.path in OS_RELEASE_PATHS or one.path in kept
        if one.kind in _KINDS and (usual or len(kept) < MOST_NAMED):
            kept[one.path] = one
    return kept


def _is_content(named: _Named) -> bool:
    return named.kind == FILE and named.sha256 is not None and named.size <= MOST_BYTES


def _lead(shown: Mapping[str, _Named], path: str) -> _Named | None:
    """Follow the links from a path to a content, by their texts; None if there is none that may be an os-release."""
    for _ in range(MOST_LINKS):
        found = shown.get(path)
        if found is None:
            return None
        if found.kind == FILE:
            return found if _is_content(found) else None
        path = _target(path, found.kind, found.target or "")
    return None


def _target(path: str, kind: str, target: str) -> str:
    """Say where a link leads, if no link is on the way there.

    >>> _target("etc/os-release", "symlink", "../usr/lib/os-release")
    'usr/lib/os-release'
    """
    beside = posixpath.dirname(path) if kind == SYMLINK else ""
    return posixpath.normpath(posixpath.join("/", beside, target)).lstrip("/")
