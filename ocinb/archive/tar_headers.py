"""Headers: the block before each entry of a tar, field by field.

Source: POSIX pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"; what they leave open is as GNU tar
1.34 (``from_header``, ``tar_checksum``) and Go's archive/tar, which container engines unpack with, both have it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zlib import adler32

BLOCK: Final = 512
ZERO_BLOCK: Final = bytes(BLOCK)
LARGEST: Final = 2**63 - 1
MICRO: Final = 10**6
HARDLINK_KIND: Final = b"1"
_OLD_FILE_KIND: Final = b"\0"
REGULAR_KINDS: Final = frozenset({b"0", _OLD_FILE_KIND, b"7"})

# name, mode, uid, gid, size, mtime, checksum, type, link name, magic with version, and the rest, with the prefix
_FIELDS: Final = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 8s 80x 167s")
_USTAR: Final = b"ustar\0"
OLD_GNU: Final = b"ustar  \0"
# In the rest of a header: its prefix; that of star, which says so at the very end; two times of GNU tar.
_PREFIX: Final = slice(0, 155)
_STAR_PREFIX: Final = slice(0, 131)
_STAR: Final = b"tar\0"
_GNU_TIMES: Final = (slice(0, 12), slice(12, 24))

_OCTAL = re.compile(rb"\0?\s*([0-7]*)(?:[\0\s].*)?", re.DOTALL)
_CLEAN_OCTAL = re.compile(rb"[ \0]*+[0-7]*(?:\0.*|[ \0]*)", re.DOTALL)
_LOW = 0xFFFF


class MalformedError(ValueError):
    """What stands in a header cannot be; whoever knows its place in the tar says where."""


def sum_of(header: bytes) -> int:
    """Add up the bytes of a header, its own checksum read as blanks.

    Adler-32 adds them in C, modulo 65,521: no part is so long that this matters.
    """
    parts = (adler32(header[:148]) & _LOW) + (adler32(header[156:356]) & _LOW) + (adler32(header[356:]) & _LOW)
    return parts - 3 + 8 * 0x20


def check_sum(header: bytes, recorded: bytes) -> None:
    """Refuse a header that does not add up.

    Old tars took the bytes as signed (SunOS, and others where ``char`` is): that sum is as good, as GNU tar has it.
    """
    unsigned = sum_of(header)
    negative = sum(byte >> 7 for byte in header[:148] + header[156:])
    found = _OCTAL.fullmatch(recorded)
    if found is None or int(found[1] or b"0", 8) not in {unsigned, unsigned - 256 * negative}:
        raise MalformedError("it is no header of a tar, its checksum is wrong")


@lru_cache(maxsize=4096)  # modes, owners and times repeat
def number(field: bytes) -> int:
    r"""Read a number, in octal digits or in base 256.

    A blank field is 0, as Go and tarfile have it; GNU tar refuses some. Its base 64 of 1999 is refused.

    >>> number(b"0000644\0"), number(b" 644 \0\0\0"), number(b"\x80\0\0\0\0\0\1\0"), number(b"\xff" * 8)
    (420, 420, 256, -1)
    """
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ~(1 << (8 * len(field) - 1))
        if field[0] & 0x40:
            value -= 1 << (8 * len(field) - 1)
        if abs(value) > LARGEST:
            raise MalformedError("a number in it is too large")
        return value
    found = _OCTAL.fullmatch(field)
    if found is None:
        raise MalformedError(f"{field!r} in it is no number")
    return int(found[1] or b"0", 8)


def size_of(field: bytes) -> int:
    """Read the size of what follows a header."""
    size = number(field)
    if size < 0:
        raise MalformedError(f"it has a size of {size:,} bytes")
    return size


@dataclass(slots=True)
class Header:
    """What a block says of an entry, before others add to it.

    Attributes
    ----------
    kind
        The type flag.
    name, link
        As they are written.
    size
        Of what follows in the tar.
    mode, uid, gid
        Numbers.
    mtime
        In microseconds since 1970.
    magic
        Which format it is.
    """

    kind: bytes
    name: bytes
    link: bytes
    size: int
    mode: int
    uid: int
    gid: int
    mtime: int
    magic: bytes

    def is_old_directory(self) -> bool:
        """Say whether it is one as tars before POSIX had it, a file with ``/`` at its end."""
        return self.kind == _OLD_FILE_KIND and self.name.endswith(b"/")


def header_of(block: bytes) -> Header | None:
    """Read a block; None if it is the end of the tar, only zeros."""
    name, mode, uid, gid, size, mtime, recorded, kind, link, magic, rest = _FIELDS.unpack(block)
    if recorded != b"%06o\0 " % sum_of(block):
        if block == ZERO_BLOCK:
            return None
        check_sum(block, recorded)
    return Header(
        kind,
        whole_name(text_field(name), magic, rest) if rest[0] else text_field(name),
        text_field(link),
        0 if kind == HARDLINK_KIND else size_of(size),  # which GNU tar does not look at there
        number(mode),
        number(uid),
        number(gid),
        number(mtime) * MICRO,
        magic,
    )


def text_field(field: bytes) -> bytes:
    """Give a text without the zeros after it."""
    return field.split(b"\0", 1)[0]


def whole_name(name: bytes, magic: bytes, rest: bytes) -> bytes:
    """Put the prefix before a name, if the header has one.

    Go before 1.8 wrote one into headers of GNU tar, where two times stand; as Go does since, it is believed if they are
    none.
    """
    if magic.startswith(_USTAR):
        prefix = text_field(rest[_STAR_PREFIX if rest.endswith(_STAR) else _PREFIX])
    elif magic == OLD_GNU and not all(_is_time(rest[place]) for place in _GNU_TIMES):
        prefix = text_field(rest[_PREFIX])
        prefix = prefix if prefix.isascii() else b""
    else:
        prefix = b""
    return prefix + b"/" + name if prefix else name


def _is_time(field: bytes) -> bool:
    """Say whether Go reads a number in a field, or nothing."""
    if not field[0] & 0x80:
        return not field[0] or _CLEAN_OCTAL.fullmatch(field) is not None
    try:
        number(field)
    except MalformedError:
        return False
    return True


def clean_path(raw: bytes) -> bytes:
    """Give a path without ``/`` around it, empty steps and ``.``; ``..`` stays, whoever builds a tree judges it.

    >>> clean_path(b"./usr//lib/./x/"), clean_path(b"/"), clean_path(b"../a"), clean_path(b"C:/a")
    (b'usr/lib/x', b'', b'../a', b'C:/a')
    """
    raw = raw.strip(b"/").removeprefix(b"./")
    if b"./" in raw or b"//" in raw or raw[-1:] == b"." or raw[:1] == b"/":
        return b"/".join(step for step in raw.split(b"/") if step not in {b"", b"."})
    return raw


def padding(size: int) -> int:
    """Say how many zeros follow content, so that the next header begins with a block."""
    return -size % BLOCK
