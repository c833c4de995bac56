"""Tables of contents: what stands in a layer, and the content of a file, without the rest of the layer.

A table is believed only if the manifest promises its digest. Then it is what runtimes that read lazily go by, in place
of the headers in the tar.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from ocinb._pool import alone
from ocinb._settings import Settings
from ocinb._text import printable
from ocinb.archive.compression import HARMLESS_BYTES, Limits, decompressed
from ocinb.archive.entries import FILE, Columns
from ocinb.errors import IntegrityError, InvalidError
from ocinb.network.status_errors import RangeError
from ocinb.rootfs.toc_discovery import Finder, FoundTable, Promise, promise_in, read_part
from ocinb.rootfs.toc_entries import Chunk, Chunks, read_rows
from ocinb.rootfs.whiteouts import as_layer
from ocinb.sources.base import Source
from ocinb.spec.documents import Descriptor
from ocinb.storage.layout import Layout

# Go writes this into JSON in the place of a byte that is no UTF-8: several names of a tar may read the same then.
_LOST = "\ufffd"


@dataclass(frozen=True, slots=True)
class Toc:
    """The table of contents of a layer.

    Attributes
    ----------
    columns
        The entries, as the layer itself would give them: but no offsets in the tar, and no sha256 of a file in several
        chunks of which the table has only their digests.
    """

    columns: Columns
    _chunks: Chunks
    _source: Source
    _layer: Descriptor
    _settings: Settings

    def bound(self, source: Source, settings: Settings) -> Toc:
        """Give the same table, to read files from another source of the layer."""
        return replace(self, _source=source, _settings=settings)

    def read(self, place: int) -> bytes:
        """Read the content of a regular file, by one request for its part of the layer."""
        columns, size = self.columns, self.columns.size_bytes[place]
        path = printable(columns.path[place])
        if columns.type[place] != FILE:
            raise InvalidError(f"{path!r} is no regular file, but has the type {columns.type[place]}")
        if not size:
            return b""
        chunks = self._chunks.of(columns.position[place])
        begin, end = _run(chunks, path)
        _check_size(size, end - begin, self._settings, path)
        packed = read_part(self._source, self._layer, begin, end - begin, self._settings)
        if packed is None:
            raise RangeError(f"a part of {self._layer.digest} was asked for, and the whole came")
        content = b"".join(self._unpacked(packed, chunks, begin, path))
        _check_content(content, columns.sha256[place], chunks, path)
        return content

    def _unpacked(self, packed: bytes, chunks: Iterable[Chunk], begin: int, path: str) -> Iterator[bytes]:
        """Unpack the chunks of a file, all that stand in the same compressed bytes at once."""
        limits = Limits.of(self._settings)
        for (offset, end), inside in groupby(chunks, lambda one: (one.offset, one.end)):
            plain = _Plain(decompressed([packed[offset - begin : end - begin]], limits, f"{path!r}"))
            for one in inside:
                content = plain.take(one.skipped, one.size)
                if content is None or (one.sha256 is not None and _sha256(content) != one.sha256):
                    raise IntegrityError(f"{path!r} in {self._layer.digest} is not what its table of contents says")
                yield content


class _Plain:
    """Unpacked bytes, of which some are taken on the way to their end; of all others only a piece is held at a time."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0  # where the piece begins
        self._taken = 0  # up to where bytes were taken

    def take(self, start: int, size: int) -> bytes | None:
        """Give some bytes; None if they end before, or go back behind those that were taken."""
        if start < self._taken:
            return None
        content = bytearray()
        self._taken = start + size
        while len(content) < size:
            here = start + len(content) - self._at
            content += self._piece[here : here + size - len(content)]
            if len(content) < size and not self._go_on():
                return None
        return bytes(content)

    def _go_on(self) -> bool:
        self._at += len(self._piece)
        piece = next(self._pieces, None)
        self._piece = piece or b""
        return piece is not None


def find_toc(
    source: Source, layer: Descriptor, settings: Settings, *, tag: str | None = None, store: Layout | None = None
) -> Toc | None:
    """Read the table of contents of an eStargz or zstd:chunked layer, by at most two requests for parts of it."""
    promise = promise_in(layer)
    if promise is None or not layer.known_size:
        return None
    finder = Finder(source, layer, settings, tag)
    if store is None:
        return _asked(finder, promise)
    with alone((store.root, "toc", layer.digest)):  # those that wait find it kept
        known = finder.look_up(promise, store)
        return _asked(finder, promise, store) if known is None else _toc(finder, known)


def _asked(finder: Finder, promise: Promise, store: Layout | None = None) -> Toc | None:
    try:
        found = finder.ask(promise)
    except RangeError:
        return None
    toc = None if found is None else _toc(finder, found)
    if found is not None and toc is not None and store is not None:  # what nobody can use is not kept
        finder.keep(promise, found, store)
    return toc


def _toc(finder: Finder, found: FoundTable) -> Toc | None:
    """Read a table; None if it lost the bytes of a name."""
    layer, settings = finder.layer, finder.settings
    columns, chunks = read_rows(found.json, found.content_end, settings.max_tar_entries, f"the layer {layer.digest}")
    if any(_LOST in name for names in (columns.path, columns.link_target) for name in names if name):
        return None
    return Toc(as_layer(columns), chunks, finder.source, layer, settings)


def _run(chunks: Iterable[Chunk], path: str) -> tuple[int, int]:
    """Give the compressed bytes in which the chunks of a file stand; all who write them write them in one run."""
    begin = end = None
    for one in chunks:
        if end is not None and end not in (one.offset, one.end):
            raise IntegrityError(f"the chunks of {path!r} do not stand together in the layer")
        begin, end = one.offset if begin is None else begin, one.end
    return begin or 0, end or 0


def _check_size(size: int, packed: int, settings: Settings, path: str) -> None:
    """Refuse what would fill the memory, by what it claims."""
    if size > settings.max_file_bytes:
        hint = f"ocinb.settings.max_file_bytes = {size} reads it, if there is as much memory"
        what = f"{path!r} has {size:,} bytes, more than max_file_bytes = {settings.max_file_bytes:,}"
        raise InvalidError(what, hint=hint)
    if size > max(HARMLESS_BYTES, packed * settings.max_unpacked_ratio):
        ratio = settings.max_unpacked_ratio
        raise InvalidError(f"{path!r} is to become {size:,} bytes of {packed:,}, past max_unpacked_ratio = {ratio:,}")


def _check_content(content: bytes, whole: bytes | None, chunks: Iterable[Chunk], path: str) -> None:
    if whole is None and any(one.sha256 is None for one in chunks):
        raise IntegrityError(f"the table of contents has no digest of {path!r}", hint="The whole layer has to be read")
    if whole is not None and _sha256(content) != whole:
        raise IntegrityError(f"{path!r} is not what its table of contents says")


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content, usedforsecurity=False).digest()
