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
    """Have a file alone for a while.

    Raises
    ------
    TransportError
        If somebody else does not give it up.
    """
    with path.open("ab") as file:
        _wait(file, fcntl.LOCK_EX, path)
        yield


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Have a file together with all who share it; where no locks work, nobody is told.

    Raises
    ------
    TransportError
        If somebody who has it alone does not give it up.
    """
    with ExitStack() as open_files:
        with suppress(OSError):
            _wait(open_files.enter_context(path.open("ab")), fcntl.LOCK_SH, path)
        yield


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool | None]:
    """Have a file alone for a while if nobody has it; False if somebody has, None if no lock can tell."""
    with ExitStack() as open_files:
        free = None
        with suppress(OSError):
            free = _try(open_files.enter_context(path.open("ab")), fcntl.LOCK_EX)
        yield free


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
