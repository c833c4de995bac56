"""Placing: a file is made beside its place, and gets its name when it is whole, which is never another's."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ocinb.errors import OcinbError

# With what is put around it no name gets too long for a disk.
_SHOWN = 40
# How the system says that a disk has no hard links, as memory sticks and some of what is mounted over a network.
_NO_LINKS = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK})


def beside(path: Path, what: str) -> Path:
    """Draw a name beside another one, on the same disk, that looks like neither."""
    return path.with_name(f".{path.name[:_SHOWN]}.{secrets.token_hex(4)}.{what}")


@contextmanager
def told_as(path: Path, partial: Path) -> Iterator[None]:
    """Say in errors how a file is called by whoever wanted it, and not what it is called until it is whole."""
    try:
        yield
    except OcinbError as error:
        error.message = error.message.replace(str(partial), str(path))
        error.args = (error.message,)
        raise


def put_in_place(partial: Path, path: Path) -> None:
    """Give a file that is whole its name.

    Raises
    ------
    FileExistsError
        If something has that name already; it is left as it is.
    OSError
        If the disk does not let us.
    """
    try:
        os.link(partial, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename(partial, path)


def discard(partial: Path) -> None:
    """Remove what was begun, or the first name of what is in its place, as far as the disk lets us."""
    for left in (partial, Path(f"{partial}.wal")):
        with suppress(OSError):
            left.unlink(missing_ok=True)


def _rename(partial: Path, path: Path) -> None:
    """Do the same without links: renaming would write over another file, so one process at a time looks and renames."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        partial.rename(path)
    finally:
        os.close(folder)
