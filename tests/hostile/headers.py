"""Tars by the byte: headers that say anything, with the right checksum under it or a wrong one."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import Final

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
DIRECTORY, LINK, SYMLINK, FIFO, PAX, GLOBAL, LONG_NAME, LONG_LINK, SPARSE = (
    b"5",
    b"1",
    b"2",
    b"6",
    b"x",
    b"g",
    b"L",
    b"K",
    b"S",
)


def octal(value: int, width: int = 12) -> bytes:
    return b"%0*o\0" % (width - 1, value)


def base256(value: int, width: int = 12) -> bytes:
    """Write a number as GNU does where octal digits do not suffice, negative ones too."""
    raw = value.to_bytes(width, "big", signed=True)
    return bytes([raw[0] | 0x80]) + raw[1:]


_MODE, _DEVICES = octal(0o644, 8), octal(0, 8) * 2  # a hundred thousand headers are written with them


def header(
    name: bytes,
    *,
    size: int | bytes = 0,
    kind: bytes = b"0",
    target: bytes = b"",
    mtime: bytes = octal(0),
    owner: bytes = octal(0, 8),
    checksum: bytes | None = None,
    tail: bytes = b"",
) -> bytes:
    """Write one header; a size in bytes stands there as it is, and a tail takes the place of the prefix."""
    written = size if isinstance(size, bytes) else octal(size)
    front = name.ljust(100, b"\0") + _MODE + owner + owner + written + mtime
    magic = b"ustar  \0" if tail else b"ustar\x0000"
    back = kind + target.ljust(100, b"\0") + magic + bytes(64) + _DEVICES + tail
    block = (front + b" " * 8 + back).ljust(BLOCK, b"\0")
    summed = b"%06o\0 " % sum(block) if checksum is None else checksum
    return block[:148] + summed + block[156:]


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def member(name: bytes, content: bytes = b"", **fields: bytes) -> bytes:
    """Write a regular file with a header that tells the truth about it."""
    return header(name, size=len(content), **fields) + padded(content)


def folder(name: bytes) -> bytes:
    return header(name, kind=DIRECTORY)


def linked(name: bytes, target: bytes, kind: bytes = SYMLINK) -> bytes:
    return header(name, kind=kind, target=target)


def record(key: bytes, value: bytes) -> bytes:
    """Write one record of a pax header, which begins with its own length."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + len(str(len(rest)))
    if len(str(length)) + len(rest) != length:
        length += 1
    return str(length).encode() + rest


def pax(records: bytes, kind: bytes = PAX) -> bytes:
    return header(b"PaxHeaders/x", size=len(records), kind=kind) + padded(records)


def named(name: bytes, content: bytes = b"") -> bytes:
    """Write a file whose name stands in a pax header."""
    return pax(record(b"path", name)) + member(b"short", content)


def long_named(name: bytes, content: bytes = b"") -> bytes:
    """Write a file whose name stands before it, as GNU has it."""
    return (
        header(b"././@LongLink", size=len(name) + 1, kind=LONG_NAME) + padded(name + b"\0") + member(b"short", content)
    )


def tar(*parts: bytes) -> bytes:
    return b"".join(parts) + END


def gzipped(parts: Iterable[bytes]) -> bytes:
    """Compress each part to a member of its own, so that a bomb is made of one that is repeated."""
    return b"".join(gzip.compress(part, 6, mtime=0) for part in parts)
