"""Where the table of contents of a layer stands: what annotations promise of it, and what the last bytes say.

Sources: stargz-snapshotter, docs/estargz.md ("Footer", "Content Verification in eStargz") and
docs/smaller-estargz.md for tables outside of the layer; containers/storage, pkg/chunked (``FileMetadata``,
``ZstdChunkedFooterData``) for zstd:chunked, whose footer older versions write without the fields of the tar-split.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.toc_annotations import packed_toc, plain_toc

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
    """Read from the last bytes of a layer where its table is; None if they do not say it.

    Parameters
    ----------
    tail
        At least the last ``FOOTER_BYTES``, or all of a shorter layer.
    size
        How long the layer is.
    """
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
