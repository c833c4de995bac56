"""The rows of a table of contents: JSON from a stranger, read as the entries of the tar that it speaks of.

Sources: stargz-snapshotter, docs/estargz.md ("TOC, TOCEntries and Footer") and ``InnerOffset`` in estargz/types.go;
containers/storage, ``FileMetadata``. Both have the same fields.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from ocinb._text import printable
from ocinb.archive.entries import (
    BLOCK,
    CHARACTER,
    DIRECTORY,
    FIFO,
    FILE,
    HARDLINK,
    SYMLINK,
    Columns,
    text_of,
)
from ocinb.archive.tar_headers import clean_path
from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec.strict_json import walk_object


@dataclass(frozen=True, slots=True)
class Chunk:
    """One run of a file's content, compressed by itself or with others.

    Attributes
    ----------
    offset, end
        The compressed bytes in which it stands.
    skipped
        How many unpacked bytes stand before it there.
    size
        How many bytes it has.
    sha256
        The digest of these; None if only that of the whole file is known.
    """

    offset: int
    end: int
    skipped: int
    size: int
    sha256: bytes | None


class Chunks:
    """The chunks of all files of a layer, in the order of the files."""

    def __init__(self, end: int) -> None:
        self.end = end
        self._offset = array("q")
        self._skipped = array("q")
        self._size = array("q")
        self._sha256: list[bytes | None] = []
        self._first = array("q", [0])  # of each file, and one more
        self._files: dict[int, int] = {}  # the place among those with content, by the position of the entry
        self._borders: list[int] | None = None

    def add(self, offset: int, skipped: int, size: int, sha256: bytes | None) -> None:
        """Add a chunk to the file that is being described."""
        self._offset.append(offset)
        self._skipped.append(skipped)
        self._size.append(size)
        self._sha256.append(sha256)

    def finish(self, position: int) -> None:
        """Say that these were all chunks of the file at a position of the tar."""
        self._files[position] = len(self._files)
        self._first.append(len(self._offset))

    def of(self, position: int) -> Sequence[Chunk]:
        """Give the chunks of a file."""
        file = self._files[position]
        return [self._chunk(place) for place in range(self._first[file], self._first[file + 1])]

    def _chunk(self, place: int) -> Chunk:
        offset = self._offset[place]
        return Chunk(offset, self._border(offset), self._skipped[place], self._size[place], self._sha256[place])

    def _border(self, offset: int) -> int:
        """Find where the next one begins: no format says where the compressed bytes of a chunk end."""
        if self._borders is None:
            self._borders = sorted({*self._offset, self.end})
        return self._borders[bisect_right(self._borders, offset)]


_TYPES: Final = {
    "reg": FILE,
    "dir": DIRECTORY,
    "symlink": SYMLINK,
    "hardlink": HARDLINK,
    "char": CHARACTER,
    "block": BLOCK,
    "fifo": FIFO,
}
_CHUNK = "chunk"
_VERSION = 1
_MODE = 0o7777
_LARGEST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# How Go writes a time that is none.
_NO_TIME = "0001-01-01T00:00:00Z"
_EMPTY = hashlib.sha256(usedforsecurity=False).digest()
_DIGEST = re.compile("sha256:([0-9a-f]{64})")


def read_rows(raw: bytes, content_end: int, most: int, where: str) -> tuple[Columns, Chunks]:
    """Read a table."""
    rows, version = _Rows(content_end, most, where), None
    for key, value in walk_object(raw, "entries", f"the table of contents of {where}"):
        if key == "entries":
            rows.add(value)
        elif key == "version":
            version = value
    if version != _VERSION:
        raise InvalidError(f"the table of contents of {where} is of version {version!r}; version 1 is read")
    rows.end_file()
    return rows.columns, rows.chunks


class _Rows:
    """What was read so far, and the file whose chunks may still follow."""

    def __init__(self, content_end: int, most: int, where: str) -> None:
        self.columns = Columns()
        self.chunks = Chunks(content_end)
        self._most = most
        self._where = where
        self._open = False  # whether chunks of the last row may follow
        self._run: list[tuple[int, int, int, int, bytes | None]] = []  # offset, skipped, begin, size or 0, digest

    def add(self, entry: Any) -> None:
        """Take an entry."""
        if not isinstance(entry, dict):
            raise InvalidError(f"entry {len(self.columns)} of the table of contents of {self._where} is no object")
        kind = entry.get("type")
        if kind == _CHUNK:
            self._add_chunk(entry)
            return
        self.end_file()
        if not isinstance(kind, str) or kind not in _TYPES:
            raise self._wrong("type", kind)
        if len(self.columns) >= self._most:
            raise InvalidError(f"{self._where} has more entries than max_tar_entries = {self._most:,}")
        self._add_row(entry, _TYPES[kind])
        if kind == "reg" and self.columns.size_bytes[-1]:
            self._open = True
            self._add_chunk(entry)
        elif kind == "reg":
            self._end_empty()

    def _add_row(self, entry: dict[str, Any], kind: str) -> None:
        columns = self.columns
        size = self._number(entry, "size") if kind == FILE else 0
        target = self._name(entry, "linkName") if kind in (SYMLINK, HARDLINK) else b""
        columns.position.append(len(columns))
        columns.type.append(kind)
        columns.size_bytes.append(size)
        columns.mode.append(self._number(entry, "mode") & _MODE)
        columns.uid.append(self._number(entry, "uid"))
        columns.gid.append(self._number(entry, "gid"))
        columns.mtime.append(_microseconds(self._text(entry, "modtime")))
        columns.link_target.append(_target(kind, target))
        columns.sha256.append(self._digest(entry, "digest") if kind == FILE else None)
        columns.offset.append(None)
        columns.path.append(text_of(clean_path(self._name(entry, "name"))))

    def _end_empty(self) -> None:
        """Give a file without bytes the digest of nothing, which the table may leave out."""
        if self.columns.sha256[-1] not in (None, _EMPTY):
            raise IntegrityError(f"{self._file()} has no bytes, and yet the digest of some")
        self.columns.sha256[-1] = _EMPTY

    def _add_chunk(self, entry: dict[str, Any]) -> None:
        if not self._open:
            raise IntegrityError(f"the table of contents of {self._where} has a chunk that belongs to no file")
        if entry["type"] == _CHUNK and text_of(clean_path(self._name(entry, "name"))) != self.columns.path[-1]:
            raise IntegrityError(f"a chunk behind {self._file()} has another name")
        offset = self._number(entry, "offset")
        if offset >= self.chunks.end:
            raise IntegrityError(f"{self._file()} stands at {offset:,}, where there is no content")
        skipped, begin = self._number(entry, "innerOffset"), self._number(entry, "chunkOffset")
        size, digest = self._number(entry, "chunkSize"), self._digest(entry, "chunkDigest")
        self._run.append((offset, skipped, begin, size, digest))

    def end_file(self) -> None:
        """Check and keep the chunks of the last row, now that all are known."""
        if not self._open:
            return
        total, at = self.columns.size_bytes[-1], 0
        lone = len(self._run) == 1
        for offset, skipped, begin, said, digest in self._run:
            size = said or total - begin  # the last one need not say it
            if begin != at or size <= 0:
                raise IntegrityError(f"the chunks of {self._file()} do not stand one behind the other")
            self.chunks.add(offset, skipped, size, digest or (self.columns.sha256[-1] if lone else None))
            at += size
        if at != total:
            raise IntegrityError(f"{self._file()} has {total:,} bytes, but its chunks have {at:,}")
        if lone:
            self.columns.sha256[-1] = self.columns.sha256[-1] or self._run[0][4]
        self.chunks.finish(self.columns.position[-1])
        self._open = False
        self._run.clear()

    def _number(self, entry: dict[str, Any], key: str) -> int:
        value = entry.get(key)
        if value is None:
            return 0
        if type(value) is not int or not 0 <= value <= _LARGEST:
            raise self._wrong(key, value)
        return value

    def _text(self, entry: dict[str, Any], key: str) -> str:
        value = entry.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(key, value)
        return value

    def _name(self, entry: dict[str, Any], key: str) -> bytes:
        """Give a name as bytes; half a character, which JSON can say and UTF-8 cannot, as the three it would be."""
        value = self._text(entry, key)
        if not value:
            raise self._wrong(key, value)
        return value.encode("utf-8", "surrogatepass")

    def _digest(self, entry: dict[str, Any], key: str) -> bytes | None:
        value = self._text(entry, key)
        if not value.startswith("sha256:"):
            return None  # none at all, or one that the columns have no room for
        found = _DIGEST.fullmatch(value)
        if found is None:
            raise self._wrong(key, value)
        return bytes.fromhex(found[1])

    def _file(self) -> str:
        return f"{printable(self.columns.path[-1])!r} in the table of contents of {self._where}"

    def _wrong(self, key: str, value: object) -> InvalidError:
        shown = printable(repr(value)[:100])
        return InvalidError(f"entry {len(self.columns)} of the table of contents of {self._where} has {key} = {shown}")


def _target(kind: str, raw: bytes) -> str | None:
    if kind == SYMLINK:
        return text_of(raw)
    return text_of(clean_path(raw)) if kind == HARDLINK else None


@lru_cache(maxsize=1024)
def _microseconds(text: str) -> int | None:
    """Read a time in RFC 3339; None if no clock shows it."""
    if text in ("", _NO_TIME):
        return 0
    try:
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
