"""Plain files: what is read of a layout that may be a stranger's, where a link leads anywhere, and a fifo never ends.

Whoever looks through all that is kept has no use of it: no link is followed out of the layout, and the time of last
access, by which things grow old, stays as it is. Whoever wants a blob may have it from behind a link: its digest tells.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ocinb.errors import InvalidError
from ocinb.storage.atomic_files import disk_errors

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_QUIET = getattr(os, "O_NOATIME", 0)  # Linux
_KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFREG: "a file"}


@contextmanager
def open_plain(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read it.

    Raises
    ------
    FileNotFoundError
        If nothing is there.
    OSError
        If it is something else, a link too, or cannot be read.
    """
    _check(path.lstat())
    with _regular(_open_quietly(path)) as file:  # something else may have been put there between the two looks
        yield file


def open_regular_file(path: Path) -> BinaryIO:
    """Open a regular file to read it, also from behind a link.

    Raises
    ------
    FileNotFoundError
        If nothing is there.
    OSError
        If it is something else, or cannot be read.
    """
    return _regular(os.open(path, _FLAGS))


def read_small(path: Path, limit: int, setting: str) -> bytes | None:
    """Read a small file whole; None if it is not there.

    Raises
    ------
    InvalidError
        If it is larger than a limit, which has the name of a setting.
    TransportError
        If it cannot be read, or is no regular file.
    """
    with disk_errors(path):
        try:
            with open_plain(path) as file:
                size = os.fstat(file.fileno()).st_size
                raw = b"" if size > limit else read_all(file, limit + 1)
        except FileNotFoundError:
            return None
    if max(size, len(raw)) > limit:
        raise InvalidError(f"{path} has {size:,} bytes, more than {setting} = {limit:,}")
    return raw


def read_all(file: BinaryIO, limit: int) -> bytes:
    """Read up to so many bytes."""
    chunks = []
    while limit > 0 and (chunk := file.read(limit)):
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)


def kind_of(status: os.stat_result) -> str:
    """Say what something in a folder is."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "neither a file nor a folder")


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, f"it is {kind_of(status)}")


def _regular(handle: int) -> BinaryIO:
    try:
        _check(os.fstat(handle))
    except OSError:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb", buffering=0)  # whoever reads takes large chunks


def _open_quietly(path: Path) -> int:
    with suppress(PermissionError):  # only its owner may read a file quietly
        return os.open(path, _FLAGS | os.O_NOFOLLOW | _QUIET)
    return os.open(path, _FLAGS | os.O_NOFOLLOW)
