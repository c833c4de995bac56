"""Finding a table of contents: in the store, if it was read before, or else by requests for parts of the layer.

A table is kept as a blob, by the digest by which the manifest promises it: of an eStargz as the JSON that it is, of
zstd:chunked as it stands compressed in the layer. So it is verified whenever it comes out of the store, it counts as a
part of the images that promise it, and it goes with them. For a layer it speaks only if it was found for that layer, by
the same promise: a manifest may promise a table that its layer never had.
"""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ocinb._pool import pause
from ocinb._settings import Settings
from ocinb.archive.compression import Limits, decompressed
from ocinb.archive.limits import TarLimits
from ocinb.archive.tar import Scanner
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.network.retry import Attempts
from ocinb.sources.base import Source
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest, verify
from ocinb.spec.documents import Descriptor, parse_manifest
from ocinb.spec.toc_annotations import packed_toc, plain_toc
from ocinb.storage.layout import Layout
from ocinb.storage.safe_files import says_full
from ocinb.storage.toc_records import look_up_end, note_end

# In the image that has the tables of another one's layers: which layer each is of.
LAYER_DIGEST: Final = "containerd.io/snapshot/stargz/layer.digest"
TOC_IMAGE_SUFFIX: Final = "-esgztoc"

# The longest footer, that of zstd:chunked, with the header of its frame.
FOOTER_BYTES: Final = 72

_GZIP_BEGIN = rb"\x1f\x8b\x08\x04.{6}"
_ESTARGZ = re.compile(_GZIP_BEGIN + rb"\x1a\0SG\x16\0([0-9a-fA-F]{16})STARGZ.{13}", re.DOTALL)
_ESTARGZ_BYTES = 51
_OUTSIDE = re.compile(_GZIP_BEGIN + rb"\x15\0SG\x11\0STARGZEXTERNALTOC.{13}", re.DOTALL)
_OUTSIDE_BYTES = 46
# Two spellings are in use.
_ZSTD_MAGIC = (b"GNUlInUx", b"GnUlInUx")
_ZSTD_FOOTERS = (64, 40)
_SKIPPABLE = b"\x50\x2a\x4d\x18"
# Before what a skippable frame holds (RFC 8878, 3.1.2).
_FRAME_HEADER = 8
# The one kind of table that there is.
_KIND = 1
_POSITION = re.compile(r"(\d{1,18}):(\d{1,18}):(\d{1,18}):(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table stands in its layer.

    Attributes
    ----------
    offset, length
        The compressed bytes.
    content_end
        Where the compressed entries of the layer end.
    unpacked
        How long it is when it is unpacked; None if nothing says it.
    in_tar
        Whether it is a file in a tar.
    """

    offset: int
    length: int
    content_end: int
    unpacked: int | None = None
    in_tar: bool = False


@dataclass(frozen=True, slots=True)
class Outside:
    """The table stands in an image of its own.

    Attributes
    ----------
    content_end
        Where the compressed entries of the layer end.
    """

    content_end: int


@dataclass(frozen=True, slots=True)
class Promise:
    """What a manifest says of the table of a layer.

    Attributes
    ----------
    packed
        The digest of its compressed bytes; None if that is not said.
    plain
        The digest of the table itself; None if that is not said.
    place
        Where it stands; None if only the layer says it.
    """

    packed: Digest | None
    plain: Digest | None
    place: Place | None

    @property
    def text(self) -> str:
        """All of it in one line."""
        place = self.place and f"{self.place.offset}:{self.place.length}:{self.place.unpacked}"
        return f"{self.packed} {self.plain} {place}"


def promise_in(layer: Descriptor) -> Promise | None:
    """Read what the annotations of a layer promise; None if that is nothing by which a table can be verified.

    An annotation that cannot be read promises nothing. Nor does one of zstd on a layer that is gzip: it was left behind
    when the layer was compressed anew.
    """
    plain = plain_toc(layer.annotations)
    packed, place = None, None
    if not layer.media_type.endswith("gzip"):
        packed, place = _of_zstd(layer.annotations)
    return Promise(packed, plain, place) if packed or plain else None


def _of_zstd(annotations: Mapping[str, str]) -> tuple[Digest | None, Place | None]:
    promised = packed_toc(annotations)
    if promised is None:
        return None, None
    packed, prefix = promised
    found = _POSITION.fullmatch(annotations.get(f"{prefix}manifest-position", ""))
    return packed, None if found is None else _zstd_place(*map(int, found.groups()))


def place_in_footer(tail: bytes, size: int) -> Place | Outside | None:
    """Read from the last bytes of a layer where its table is; None if they do not say it."""
    found = _ESTARGZ.fullmatch(tail[-_ESTARGZ_BYTES:])
    if found is not None:
        offset = int(found[1], 16)
        return Place(offset, size - _ESTARGZ_BYTES - offset, offset, in_tar=True)
    if _OUTSIDE.fullmatch(tail[-_OUTSIDE_BYTES:]):
        return Outside(size - _OUTSIDE_BYTES)
    return _zstd_footer(tail)


def _zstd_footer(tail: bytes) -> Place | None:
    if not tail.endswith(_ZSTD_MAGIC):
        return None
    for length in _ZSTD_FOOTERS:
        frame = tail[-length - _FRAME_HEADER :]
        if frame.startswith(_SKIPPABLE + struct.pack("<I", length)):
            return _zstd_place(*struct.unpack_from("<4Q", frame, _FRAME_HEADER))
    return None


def _zstd_place(offset: int, length: int, unpacked: int, kind: int) -> Place | None:
    return Place(offset, length, offset - _FRAME_HEADER, unpacked) if kind == _KIND else None


def read_part(source: Source, blob: Descriptor, offset: int, length: int, settings: Settings) -> bytes | None:
    """Read some bytes of a blob, which are not verified."""
    attempts = Attempts(settings, "GET")
    while True:
        try:
            with source.open_blob(blob, offset, length) as stream:
                if stream.offset != offset:
                    return None
                return _exactly(stream.chunks(), length, blob)
        except TransportError as error:
            # What could not even be opened was asked for again already.
            seconds = attempts.after_failure(error) if error.resumable else None
            if seconds is None:
                raise
        pause(seconds)


def _exactly(chunks: Iterable[bytes], length: int, blob: Descriptor) -> bytes:
    """Take so many bytes, and not one more: who ignores a range of the beginning sends the whole."""
    taken = bytearray()
    for chunk in chunks:
        taken += chunk[: length - len(taken)]
        if len(taken) == length:
            return bytes(taken)
    if len(taken) < length:
        raise IntegrityError(f"{blob.digest} ended {length - len(taken):,} bytes early")
    return bytes(taken)


logger = logging.getLogger("ocinb")

# The table of an eStargz is a file of this name, and the last one in the tar.
_IN_TAR = "stargz.index.json"
_TAR_BLOCKS = 1024 * 1024  # room for the headers around it, and the zeros behind it

# A table takes 0.3 to 1.5 % of most layers. So much is read of the end: mostly all of the table, else a part that is
# not read again.
_FIRST_SHARE = 100
_FIRST_LEAST = 4 * 1024


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table of contents, verified.

    Attributes
    ----------
    json
        The table.
    content_end
        Where the compressed contents of the layer end.
    kept_as, kept
        The digest and the bytes by which it can be kept; None if there is no such digest.
    """

    json: bytes
    content_end: int
    kept_as: Digest | None
    kept: bytes


@dataclass(frozen=True, slots=True)
class Finder:
    """The way to the table of one layer.

    Attributes
    ----------
    source
        Who has the layer.
    layer
        The layer, whose size is known.
    settings
        Limits.
    tag
        By which tag its image was found, if by one.
    """

    source: Source
    layer: Descriptor
    settings: Settings
    tag: str | None

    def look_up(self, promise: Promise, store: Layout) -> FoundTable | None:
        """Give the table that was found for this layer before, by no request; None if the store has none."""
        digest, place = promise.packed or promise.plain, promise.place
        content_end = look_up_end(store.root, self.layer.digest, self._said(promise))
        raw = None if digest is None or content_end is None else store.blobs.read(digest, self.settings.max_toc_bytes)
        if raw is None or content_end is None:
            return None
        if place is not None:
            self._check_place(place)
        table = raw
        if promise.packed is not None:
            table = self._table(raw, in_tar=False, length=place.unpacked if place else None)
        return FoundTable(_plain(table, promise), content_end, digest, raw)

    def keep(self, promise: Promise, found: FoundTable, store: Layout) -> None:
        """Keep a table that was asked for, and for which layer; a store that is only lent keeps nothing."""
        if found.kept_as is None:
            return
        try:
            store.prepare()
            store.blobs.write(found.kept, found.kept_as)
        except TransportError as error:
            if says_full(error.message):
                raise
            logger.info("the table of contents %s is not kept: %s", found.kept_as, error.message)
        else:
            note_end(store.root, self.layer.digest, self._said(promise), found.content_end)

    def _said(self, promise: Promise) -> str:
        """Say all that a manifest says of the table, by which it is found or not."""
        return f"{self.layer.size} {promise.text}"

    def ask(self, promise: Promise) -> FoundTable | None:
        """Ask for the table, by two requests at most; None if it is not where it should be, or no parts are given."""
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
        table = _plain(self._table(packed, in_tar=in_tar, length=unpacked), promise)
        if promise.packed is None:
            return FoundTable(table, place.content_end, promise.plain, table)
        return FoundTable(table, place.content_end, None if in_tar else promise.packed, packed)

    def _tail(self) -> bytes | None:
        size = self.layer.size
        length = min(size, max(FOOTER_BYTES, _FIRST_LEAST, size // _FIRST_SHARE))
        return read_part(self.source, self.layer, size - length, length, self.settings)

    def _inside(self, place: Place, tail: bytes) -> bytes | None:
        """Read the compressed table, or so much of it as was not read with the footer."""
        self._check_place(place)
        start = self.layer.size - len(tail)
        known = tail[max(place.offset - start, 0) : max(place.offset + place.length - start, 0)]
        missing = place.length - len(known)
        if not missing:
            return known
        rest = read_part(self.source, self.layer, place.offset, missing, self.settings)
        return None if rest is None else rest + known

    def _check_place(self, place: Place) -> None:
        if place.length <= 0 or place.content_end < 0 or place.offset + place.length > self.layer.size:
            raise IntegrityError(f"the table of contents of {self.layer.digest} is said to stand outside of it")
        self._check_length(max(place.length, place.unpacked or 0))

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
        plain = upto(decompressed([packed], Limits.of(self.settings), where), limit + 1)
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


def upto(chunks: Iterable[bytes], length: int) -> bytes:
    """Take so many bytes, or all that there are."""
    taken = bytearray()
    for chunk in chunks:
        taken += chunk
        if len(taken) >= length:
            break
    return bytes(taken[:length])


def _plain(table: bytes, promise: Promise) -> bytes:
    return table if promise.plain is None else verify(table, promise.plain)
