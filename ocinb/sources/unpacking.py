"""Unpacking: a compressed archive as a plain one, so that its members can be read by offset.

It is unpacked once into a temporary file that has no name, within limits on bytes and ratio.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ocinb._settings import Settings
from ocinb.archive.compression import MAGIC_BYTES, Limits, compression_of, decompressed
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.sources.files import Content, OpenFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


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


def unpacked(content: Content, settings: Settings) -> Content:
    """Give a plain archive as it is, and a compressed one unpacked.

    Raises
    ------
    InvalidError
        If it is damaged, or passes ``max_unpacked_bytes``, ``max_unpacked_ratio`` or ``max_window_bytes``.
    TransportError
        If the disk is full, or there is no folder for temporary files.
    """
    if compression_of(content.beginning(MAGIC_BYTES)) == "none":
        return content
    where = content.file.where
    with _writing(where), tempfile.TemporaryFile() as target:
        for chunk in _plain(content, settings):
            target.write(chunk)
        target.flush()
        file = OpenFile(os.dup(target.fileno()), where)
    return Content(file, 0, file.size)


def _plain(content: Content, settings: Settings) -> Iterator[bytes]:
    try:
        yield from decompressed(content.chunks(), Limits.of(settings), content.file.where, size=content.size)
    except IntegrityError as error:  # of a file that somebody named, no digest has promised anything
        raise InvalidError(error.message, hint=error.hint) from None


@contextmanager
def _writing(where: str) -> Iterator[None]:
    """Say of what the system refuses what was to be done, also where it has no folder for temporary files at all."""
    try:
        yield
    except OSError as error:
        hint = "Free some space, or name another folder for temporary files in TMPDIR"
        raise TransportError(f"{where} cannot be unpacked: {error.strerror}", hint=hint) from None
