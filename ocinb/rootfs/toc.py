"""Tables of contents: what stands in a layer, and the content of a file, without the rest of the layer.

A table is believed only if the manifest promises its digest. Then it is what runtimes that read lazily go by, in place
of the headers in the tar.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from ocinb._settings import Settings
from ocinb._text import printable
from ocinb.archive.compression import HARMLESS_BYTES, Limits, decompressed
from ocinb.archive.entries import FILE, Columns
from ocinb.archive.tar import Scanner, TarLimits
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.network.refusals import RangeError
from ocinb.rootfs.chunks import Chunk, Chunks
from ocinb.rootfs.markers import as_layer
from ocinb.rootfs.parts import read_part
from ocinb.rootfs.tocplaces import (
    FOOTER_BYTES,
    LAYER_DIGEST,
    TOC_IMAGE_SUFFIX,
    Outside,
    Place,
    Promise,
    place_in_footer,
    promise_in,
)
from ocinb.rootfs.tocrows import read_rows
from ocinb.sources.base import Source
from ocinb.spec import mediatypes
from ocinb.spec.digest import verify
from ocinb.spec.documents import Descriptor, parse_manifest

# The table of an eStargz is a file of this name, and the last one in the tar.
_IN_TAR = "stargz.index.json"
# Go writes this into JSON in the place of a byte that is no UTF-8: several names of a tar may read the same then.
_LOST = "\ufffd"
_TAR_BLOCKS = 1024 * 1024  # room for the headers around it, and the zeros behind it

# A table takes 0.3 to 1.5 % of most layers. So much is read of the end: mostly all of the table, else a part that is
# not read again.
_FIRST_SHARE = 100
_FIRST_LEAST = 4 * 1024


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

    def read(self, place: int) -> bytes:
        """Read the content of a regular file, by one request for its part of the layer.

        Parameters
        ----------
        place
            Which one, as an index into the columns.

        Raises
        ------
        IntegrityError
            If it is not what the table says, or the table does not say enough to know.
        InvalidError
            If the entry is no regular file, or the file passes a limit.
        RangeError
            If the registry gives no parts any more.
        """
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
        content = b"".join(self._unpacked(packed, one, begin, path) for one in chunks)
        _check_content(content, columns.sha256[place], chunks, path)
        return content

    def _unpacked(self, packed: bytes, chunk: Chunk, begin: int, path: str) -> bytes:
        part = packed[chunk.offset - begin : chunk.end - begin]
        last = chunk.skipped + chunk.size
        plain = _upto(decompressed([part], Limits.of(self._settings), f"{path!r}"), last)
        content = plain[chunk.skipped : last]
        if len(content) != chunk.size or (chunk.sha256 is not None and _sha256(content) != chunk.sha256):
            raise IntegrityError(f"{path!r} in {self._layer.digest} is not what its table of contents says")
        return content


def find_toc(source: Source, layer: Descriptor, settings: Settings, *, tag: str | None = None) -> Toc | None:
    """Read the table of contents of an eStargz or zstd:chunked layer, by at most two requests for parts of it.

    Parameters
    ----------
    source
        Who has the layer.
    layer
        The layer, with the annotations that its manifest has for it: without them nobody is asked.
    settings
        Limits.
    tag
        By which tag the image was found. An eStargz may have its table in another image, whose tag is longer by
        ``-esgztoc``: that one and the table cost a request each.

    Returns
    -------
    Toc or None
        None if nothing is promised, or nothing is there where it should be, or the registry gives no parts, or a name
        is not there as it is in the tar: the layer has to be read as a whole then, which is not begun here.

    Raises
    ------
    IntegrityError
        If the table is not the one that the manifest promises, or it does not fit the layer.
    InvalidError
        If it is no table, or passes a limit.
    """
    promise = promise_in(layer)
    if promise is None or not layer.known_size:
        return None
    try:
        found = _Finder(source, layer, settings, tag).find(promise)
    except RangeError:
        return None
    if found is None:
        return None
    table, content_end = found
    columns, chunks = read_rows(table, content_end, settings.max_tar_entries, f"the layer {layer.digest}")
    if any(_LOST in name for names in (columns.path, columns.link_target) for name in names if name):
        return None
    return Toc(as_layer(columns), chunks, source, layer, settings)


@dataclass(frozen=True, slots=True)
class _Finder:
    """The way to the table of one layer."""

    source: Source
    layer: Descriptor
    settings: Settings
    tag: str | None

    def find(self, promise: Promise) -> tuple[bytes, int] | None:
        """Give the verified table, and where the contents before it end."""
        place: Place | Outside | None = promise.place
        tail: bytes | None = b""
        if place is None:
            tail = self._tail()
            place = place_in_footer(tail, self.layer.size) if tail else None
        if place is None or tail is None:
            return None
        packed = self._outside() if isinstance(place, Outside) else self._inside(place, tail)
        if packed is None:
            return None
        if promise.packed is not None:
            verify(packed, promise.packed)
        in_tar = isinstance(place, Outside) or place.in_tar
        unpacked = None if isinstance(place, Outside) else place.unpacked
        table = self._table(packed, in_tar=in_tar, length=unpacked)
        return (table if promise.plain is None else verify(table, promise.plain)), place.content_end

    def _tail(self) -> bytes | None:
        size = self.layer.size
        length = min(size, max(FOOTER_BYTES, _FIRST_LEAST, size // _FIRST_SHARE))
        return read_part(self.source, self.layer, size - length, length, self.settings)

    def _inside(self, place: Place, tail: bytes) -> bytes | None:
        """Read the compressed table, or so much of it as was not read with the footer."""
        size = self.layer.size
        if place.length <= 0 or place.content_end < 0 or place.offset + place.length > size:
            raise IntegrityError(f"the table of contents of {self.layer.digest} is said to stand outside of it")
        self._check_length(max(place.length, place.unpacked or 0))
        start = size - len(tail)
        known = tail[max(place.offset - start, 0) : max(place.offset + place.length - start, 0)]
        missing = place.length - len(known)
        if not missing:
            return known
        rest = read_part(self.source, self.layer, place.offset, missing, self.settings)
        return None if rest is None else rest + known

    def _outside(self) -> bytes | None:
        """Read the compressed table out of the image that has those of this one's layers."""
        if self.tag is None:
            return None
        try:
            document = self.source.read(f"{self.tag}{TOC_IMAGE_SUFFIX}")
        except NotFoundError:
            return None
        if document.media_type not in mediatypes.MANIFESTS:
            return None
        what = f"the manifest {document.digest}"
        for one in parse_manifest(document.raw, document.media_type, what).layers:
            if one.annotations.get(LAYER_DIGEST) == self.layer.digest:
                self._check_length(one.size)
                packed = read_part(self.source, one, 0, one.size, self.settings)
                return None if packed is None else verify(packed, one.digest)
        return None

    def _table(self, packed: bytes, *, in_tar: bool, length: int | None) -> bytes:
        """Unpack a table; what comes is not verified yet, so it is taken up to a limit only."""
        where, most = f"the table of contents of {self.layer.digest}", self.settings.max_toc_bytes
        limit = most + _TAR_BLOCKS if in_tar else most
        plain = _upto(decompressed([packed], Limits.of(self.settings), where), limit + 1)
        if len(plain) > limit:
            self._check_length(len(plain))
        table = self._in_tar(plain, where) if in_tar else plain
        if length is not None and len(table) != length:
            raise IntegrityError(f"{where} has {len(table):,} bytes unpacked, and not {length:,}")
        return table

    def _in_tar(self, plain: bytes, where: str) -> bytes:
        settings = self.settings
        limits = TarLimits(settings.max_tar_entries, settings.max_tar_header_bytes, settings.max_toc_bytes)
        scanner = Scanner(limits, where)
        scanner.feed(plain)
        scanner.finish()
        entries = scanner.take()
        for path, offset, size in zip(entries.path, entries.offset, entries.size_bytes, strict=True):
            if path == _IN_TAR and offset is not None:
                self._check_length(size)
                return plain[offset : offset + size]
        raise InvalidError(f"{where} is a tar without a file {_IN_TAR!r}")

    def _check_length(self, length: int) -> None:
        most = self.settings.max_toc_bytes
        if length > most:
            raise InvalidError(
                f"the table of contents of {self.layer.digest} has {length:,} bytes or more, "
                f"and may not have more than max_toc_bytes = {most:,}"
            )


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


def _upto(chunks: Iterable[bytes], length: int) -> bytes:
    """Take so many bytes, or all that there are."""
    taken = bytearray()
    for chunk in chunks:
        taken += chunk
        if len(taken) >= length:
            break
    return bytes(taken[:length])
