"""Unpacking: a compressed archive as a plain one, so that its members can be read by offset.

It is unpacked once into a temporary file that has no name, within limits on bytes and ratio.
"""

from __future__ import annotations

import bz2
import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from ocinb._pool import check_stopped
from ocinb._settings import MIB, Settings
from ocinb.errors import InvalidError, OcinbError, TransportError
from ocinb.sources.files import CHUNK, Content, OpenFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# So much of anything is unpacked whatever it was before: an archive of zeros is no attack yet.
HARMLESS_BYTES = 64 * MIB

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
}


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class FileView(io.RawIOBase):
    """An open file, or a part of it, as libraries want to read one."""

    def __init__(self, content: Content) -> None:
        super().__init__()
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go somewhere; the end of a part is none of the file's."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read as much as there is room for."""
        room = memoryview(buffer)
        left = max(0, self._content.size - self._position)
        chunk = self._content.file.read(self._content.offset + self._position, min(len(room), left))
        room[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)


def compression_of(content: Content) -> str:
    """Say by its first bytes how something is compressed: gzip, zstd, bzip2, xz or none."""
    beginning = content.file.read(content.offset, min(8, content.size))
    return next((name for magic, name in _MAGIC.items() if beginning.startswith(magic)), "none")


def unpacked(content: Content, settings: Settings) -> Content:
    """Give a plain archive as it is, and a compressed one unpacked.

    Raises
    ------
    InvalidError
        If it is damaged, or passes ``max_unpacked_bytes`` or ``max_unpacked_ratio``.
    TransportError
        If the disk is full, or there is no folder for temporary files.
    """
    compression = compression_of(content)
    if compression == "none":
        return content
    where = content.file.where
    with _writing(where), tempfile.TemporaryFile() as target:
        for chunk in _chunks(content, compression):
            if target.tell() + len(chunk) > _limit(content, settings):
                raise _too_large(where, settings)
            target.write(chunk)
        target.flush()
        file = OpenFile(os.dup(target.fileno()), where)
    return Content(file, 0, file.size)


@contextmanager
def _writing(where: str) -> Iterator[None]:
    """Say of what the system refuses what was to be done, also where it has no folder for temporary files at all."""
    try:
        yield
    except OSError as error:
        hint = "Free some space, or name another folder for temporary files in TMPDIR"
        raise TransportError(f"{where} cannot be unpacked: {error.strerror}", hint=hint) from None


def _chunks(content: Content, compression: str) -> Iterator[bytes]:
    where = content.file.where
    stream = _opened(content, compression)
    while True:
        check_stopped()
        try:
            chunk = stream.read(CHUNK)
        except OcinbError:
            raise
        except (OSError, EOFError, ValueError, zlib.error, zstd.ZstdError) as error:
            raise InvalidError(f"{where} is damaged: {compression} says {error}") from None
        if not chunk:
            return
        yield chunk


def _opened(content: Content, compression: str) -> _Readable:
    raw = cast("BinaryIO", io.BufferedReader(FileView(content), CHUNK))
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw)
    if compression == "zstd":
        return zstd.ZstdFile(raw)
    if compression == "bzip2":
        return bz2.BZ2File(raw)
    # Its dictionary may be of gigabytes, which the standard library's files do not limit.
    raise InvalidError(f"{content.file.where} is compressed by {compression}", hint="Unpack it first: xz -d FILE")


def _limit(content: Content, settings: Settings) -> int:
    by_ratio = max(HARMLESS_BYTES, settings.max_unpacked_ratio * content.size)
    return min(settings.max_unpacked_bytes, by_ratio)


def _too_large(where: str, settings: Settings) -> InvalidError:
    return InvalidError(
        f"{where} is too large when it is unpacked: max_unpacked_bytes = {settings.max_unpacked_bytes:,}, "
        f"max_unpacked_ratio = {settings.max_unpacked_ratio}",
        hint="Set more in ocinb.settings if you trust it, or unpack it yourself",
    )
