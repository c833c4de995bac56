"""Files: bytes of this machine's own files, by offset, from any number of threads.

Only regular files are read. A link may lead anywhere, a fifo never ends, and a device does what it likes when it is
opened; what names a blob is a stranger's layout.
"""

from __future__ import annotations

import hashlib
import os
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ocinb._pool import check_stopped
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.spec.digest import Digest

CHUNK = 1024 * 1024

# A file whose name is a link is refused by opening it, and a fifo that nobody writes to is not waited for.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class OpenFile:
    """An open regular file. It is closed when nobody has it any more.

    Attributes
    ----------
    size
        Its length in bytes when it was opened.
    """

    def __init__(self, handle: int, where: str) -> None:
        self.where = where
        self._handle = handle
        # Readers in other threads keep the object, and so the file, for as long as they need it.
        weakref.finalize(self, os.close, handle)
        self.size = os.fstat(handle).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Read up to so many bytes."""
        with reading(self.where):
            return os.pread(self._handle, length, offset)


@dataclass(frozen=True, slots=True)
class Content:
    """A run of bytes in an open file: a blob, or a member of an archive."""

    file: OpenFile
    offset: int
    size: int

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Give the bytes, or a part of them.

        Raises
        ------
        IntegrityError
            If the file has become shorter.
        """
        position = self.offset + start
        end = self.offset + self.size
        if length is not None:
            end = min(end, position + length)
        while position < end:
            check_stopped()
            chunk = self.file.read(position, min(CHUNK, end - position))
            if not chunk:
                raise IntegrityError(f"{self.file.where} ended early", hint="Was it changed while it was read?")
            position += len(chunk)
            yield chunk

    def beginning(self, length: int) -> bytes:
        """Read the first bytes, up to so many, which tell what it is."""
        return self.file.read(self.offset, min(length, self.size))

    def read(self, limit: int, setting: str) -> bytes:
        """Read all of a small one.

        Raises
        ------
        InvalidError
            If it is larger than a limit, which has the name of a setting.
        """
        if self.size > limit:
            raise InvalidError(f"{self.file.where} has {self.size:,} bytes, more than {setting} = {limit:,}")
        return b"".join(self.chunks())

    def digest(self) -> Digest:
        """Hash all of it."""
        hashed = hashlib.sha256(usedforsecurity=False)
        for chunk in self.chunks():
            hashed.update(chunk)
        return Digest(f"sha256:{hashed.hexdigest()}")


def open_file(path: Path, where: str) -> OpenFile:
    """Open a regular file.

    Raises
    ------
    NotFoundError
        If it is not there.
    InvalidError
        If it is something else: a link, a folder, a fifo, a device.
    TransportError
        If the system does not let us.
    """
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise _no_file(where, status)
        handle = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise NotFoundError(f"{where} is not there") from None
    except OSError as error:
        raise _unreadable(where, error) from None
    file = OpenFile(handle, where)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):  # it was put there between the two looks
        raise _no_file(where, status)
    return file


def whole(file: OpenFile) -> Content:
    """Take all of a file as content."""
    return Content(file, 0, file.size)


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Say of what the system refuses what was read."""
    try:
        yield
    except OSError as error:
        raise _unreadable(where, error) from None


def _unreadable(where: str, error: OSError) -> TransportError:
    reason = error.strerror or type(error).__name__
    hint = "Are you allowed to read it?" if isinstance(error, PermissionError) else None
    return TransportError(f"{where} cannot be read: {reason}", hint=hint)


def _no_file(where: str, status: os.stat_result) -> InvalidError:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a fifo",
        stat.S_IFSOCK: "a socket",
    }
    kind = kinds.get(stat.S_IFMT(status.st_mode), "a device")
    copied = "; a copy by cp -rL has no links" if stat.S_ISLNK(status.st_mode) else ""
    return InvalidError(f"{where} is {kind}", hint=f"Only regular files are read{copied}")
