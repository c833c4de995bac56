"""Locks: what processes that use one folder at a time say to each other.

They are advisory (``flock``), go when their process goes, and bind two threads of one process as they bind two
processes.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ocinb._pool import check_stopped
from ocinb.errors import TransportError

LOCK_SECONDS = 10.0
# Who shares waits for somebody who cleans up, which takes as long as a store is large, and ends by itself.
CLEANUP_SECONDS = 120.0
PAUSE_SECONDS = 0.02

_held: set[BinaryIO] = set()


def _let_go() -> None:
    """Leave a process that was forked without the other one's files: a lock would outlive in it whoever is killed.

    They stay open, and lead nowhere: what the new process writes into them is lost, and nobody's file is harmed.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for file in _held:
        os.dup2(nowhere, file.fileno(), inheritable=False)
    os.close(nowhere)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Have a file alone for a while; where no locks work, nobody is kept out.

    Raises
    ------
    TransportError
        If somebody else does not give it up.
    """
    with _open_lock(path) as file, given_back(file):
        with suppress(OSError):
            _wait(file, fcntl.LOCK_EX, path, LOCK_SECONDS)
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
            file = stack.enter_context(_open_lock(path))
            stack.enter_context(given_back(file))
            _wait(file, fcntl.LOCK_SH, path, CLEANUP_SECONDS)
        yield


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool | None]:
    """Have a file alone for a while if nobody has it; False if somebody has, None if no lock can tell."""
    with ExitStack() as stack:
        free = None
        with suppress(OSError):
            file = stack.enter_context(_open_lock(path))
            stack.enter_context(given_back(file))
            free = _try(file, fcntl.LOCK_EX)
        yield free


@contextmanager
def given_back(file: BinaryIO) -> Iterator[None]:
    """Give the lock of an open file back at the end of this block.

    To close it is not enough: a process that was forked meanwhile has the file open too, and with it the lock.
    """
    _held.add(file)
    try:
        yield
    finally:
        _held.discard(file)
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)


def is_free(file: BinaryIO) -> bool:
    """Have an open file alone, unless somebody else has it; where no locks work, all have it."""
    with suppress(OSError):
        return _try(file, fcntl.LOCK_EX)
    return True


def _open_lock(path: Path) -> BinaryIO:
    """Open the file of a lock; a link, or a fifo that nobody reads, is none."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o666), "wb", buffering=0)  # it is only locked


def _wait(file: BinaryIO, kind: int, path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while not _try(file, kind):
        check_stopped()
        if time.monotonic() > deadline:
            hint = "End it, or try again later"
            raise TransportError(f"another process has held {path} for {wait_seconds:.0f} s", hint=hint)
        time.sleep(PAUSE_SECONDS)


def _try(file: BinaryIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
