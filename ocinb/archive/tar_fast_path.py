"""Plain entries: those of which one header says all, and which are wholly there; nearly all are, in nearly all layers.

They are read with as little Python as can be. Whatever is not as writers of today write it is left to the scanner,
which alone judges what is damaged: here nothing is refused, and nothing is taken that the scanner would read otherwise.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import sha256
from typing import Final
from zlib import adler32

from ocinb.archive import tar_headers
from ocinb.archive.entries import BLOCK, CHARACTER, DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK, text_of
from ocinb.archive.tar_headers import MalformedError, clean_path, number, size_of

# What is kept of an entry: the columns, in their order.
Row = tuple[int, str, str, int, int, int, int, int | None, str | None, bytes | None, int | None]

WITHOUT_CONTENT: Final = {
    b"1": HARDLINK,
    b"2": SYMLINK,
    b"3": CHARACTER,
    b"4": BLOCK,
    b"5": DIRECTORY,
    b"6": FIFO,
}
_TYPES: Final = WITHOUT_CONTENT | dict.fromkeys(tar_headers.REGULAR_KINDS, FILE)
_NO_NAMES: Final = frozenset({b"", b"."})
_MODE: Final = 0o7777
# What datetime and those who follow it can show: the years 1 to 9999.
_FIRST: Final = -62_135_596_800 * tar_headers.MICRO
_LAST: Final = 253_402_300_800 * tar_headers.MICRO - 1

# name, mode with both owners, size, time, checksum, type, link name, magic, and the rest, with the prefix
_FIELDS: Final = struct.Struct("100s 24s 12s 12s 8s c 100s 8s 80x 167s")
_OWNERS: Final = struct.Struct("8s 8s 8s")
# Half a header adds up to less than the modulus of Adler-32, which so gives its sum and one more.
_HALF: Final = tar_headers.BLOCK // 2
_LOW: Final = 0xFFFF


def read_plain(view: memoryview, at: int, begin: int, position: int, most: int) -> tuple[list[Row], int]:
    """Read the plain entries that stand in a piece of a tar from one place on, up to the first that is not plain."""
    rows: list[Row] = []
    try:
        while position < most:
            row, at = _read(view, at, begin, position)
            rows.append(row)
            position += 1
    except (MalformedError, ValueError, struct.error):
        return rows, at
    return rows, at


def _read(view: memoryview, at: int, begin: int, position: int) -> tuple[Row, int]:
    """Read one, and say where the next begins; each error says that it is not plain, or not wholly there."""
    name, owners, size, time, recorded, kind, link, magic, rest = _FIELDS.unpack_from(view, at)
    start, middle, type_ = at + tar_headers.BLOCK, at + _HALF, _TYPES.get(kind)
    added = (adler32(view[at:middle]) & _LOW) + (adler32(view[middle:start]) & _LOW)
    if type_ is None or added != _adding_up(recorded):
        raise ValueError
    raw = name.partition(b"\0")[0]
    if rest[0]:
        raw = tar_headers.whole_name(raw, magic, rest)
    mode, uid, gid = _owners_of(owners)
    path, mtime = _path_of(raw), _time_of(time)
    if type_ == FILE:
        length = _length_of(size)
        stop = start + length
        after = stop + -length % tar_headers.BLOCK
        if after > len(view) or raw[-1:] == b"/":
            raise ValueError
        digest = sha256(view[start:stop]).digest()
        return (position, path, FILE, length, mode, uid, gid, mtime, None, digest, begin + start), after
    if type_ != HARDLINK:
        size_of(size)  # which has to be one, also where nobody looks at it
    target = target_of(type_, tar_headers.text_field(link)) if kind in b"12" else None
    return (position, path, type_, 0, mode, uid, gid, mtime, target, None, None), start


def _path_of(raw: bytes) -> str:
    """Clean a path; that of its folder is known, mostly."""
    folder, _, name = raw.rstrip(b"/").rpartition(b"/")
    return _begin_of(folder) + text_of(name) if name not in _NO_NAMES else text_of(clean_path(raw))


@lru_cache(maxsize=4096)
def _begin_of(folder: bytes) -> str:
    path = text_of(clean_path(folder))
    return f"{path}/" if path else ""


def mode_of(said: int) -> int:
    """Give the bits of a mode that an entry keeps."""
    return said & _MODE


def time_of(micro: int) -> int | None:
    """Give a time if a clock shows it."""
    return micro if _FIRST <= micro <= _LAST else None


def target_of(type_: str, link: bytes) -> str | None:
    """Give what a link names; None of what is none."""
    if type_ == SYMLINK:
        return text_of(link)
    return text_of(clean_path(link)) if type_ == HARDLINK else None


@lru_cache(maxsize=16_384)
def _adding_up(recorded: bytes) -> int:
    """Give what the halves of a header come to that has this checksum; -1 if it is not written as it mostly is."""
    said = int(recorded[:6], 8)
    blanks = 8 * 0x20
    return said - blanks + sum(recorded) + 2 if recorded == b"%06o\0 " % said else -1


@lru_cache(maxsize=4096)
def _owners_of(fields: bytes) -> tuple[int, int, int]:
    mode, uid, gid = _OWNERS.unpack(fields)
    return mode_of(number(mode)), number(uid), number(gid)


@lru_cache(maxsize=4096)
def _time_of(field: bytes) -> int | None:
    return time_of(number(field) * tar_headers.MICRO)


def _length_of(field: bytes) -> int:
    digits = field[:11]
    # int takes signs, blanks and underscores too.
    return int(digits, 8) if digits.isdigit() and field[11] in b"\0 " else size_of(field)
