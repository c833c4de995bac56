"""Locks: what processes that use one folder at a time say to each other.

They are advisory (``flock``), go when their process goes, and bind two threads of one process as they bind two
processes.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ocinb._pool import check_stopped
from ocinb.errors import TransportError

LOCK_SECONDS = 10.0
PAUSE_SECONDS = 0.02


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Have a file alone for a while; where no locks work, nobody is kept out.

    Raises
    ------
    TransportError
        If somebody else does not give it up.
    """
    with path.open("ab") as file, given_back(file):
        with suppress(OSError):
            _wait(file, fcntl.LOCK_EX, path)
        yield


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Have a file together with all who share it; where no locks work, or it cannot be written, nobody is told.

    Raises
    ------
    TransportError
        If somebody who has it alone does not give it up.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            file = stack.enter_context(path.open("ab"))
            stack.enter_context(given_back(file))
            _wait(file, fcntl.LOCK_SH, path)
        yield


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool | None]:
    """Have a file alone for a while if nobody has it; False if somebody has, None if no lock can tell."""
    with ExitStack() as stack:
        free = None
        with suppress(OSError):
            file = stack.enter_context(path.open("ab"))
            stack.enter_context(given_back(file))
            free = _try(file, fcntl.LOCK_EX)
        yield free


@contextmanager
def given_back(file: BinaryIO) -> Iterator[None]:
    """Give the lock of an open file back at the end of this block.

    To close it is not enough: a process that was forked meanwhile has the file open too, and with it the lock.
    """
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)


def is_free(file: BinaryIO) -> bool:
    """Have an open file alone, unless somebody else has it; where no locks work, all have it."""
    with suppress(OSError):
        return _try(file, fcntl.LOCK_EX)
    return True


def _wait(file: BinaryIO, kind: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while not _try(file, kind):
        check_stopped()
        if time.monotonic() > deadline:
            hint = "End it, or try again later"
            raise TransportError(f"another process has held {path} for {LOCK_SECONDS:.0f} s", hint=hint)
        time.sleep(PAUSE_SECONDS)


def _try(file: BinaryIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
