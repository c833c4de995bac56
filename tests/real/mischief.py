"""What a child process does to itself before it pulls: dies at a chosen step, loses its rights, its clock, its locks.

The code under test runs as it is; what is changed is what the system says to it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

# What changes a folder: a death between two of them leaves the same, wherever it is.
STEPS = frozenset(
    "copy_file_range ftruncate link mkdir open posix_fallocate pwrite remove rename replace rmdir sendfile symlink "
    "truncate unlink utime write writelines".split()
)
_PLACES = ("/ocinb/storage/", "/ocinb/transfer.py", "/pathlib")


def die_at_step(number: int) -> None:
    """Die, as by kill -9, before the so-manieth step of the code that writes the store, in whatever thread it is."""
    steps = iter(range(1, sys.maxsize))  # a step of it is one, whoever takes it

    def watch(frame: FrameType, event: str, called: Any) -> None:
        place = frame.f_code.co_filename
        changes = event == "c_call" and called.__name__ in STEPS and frame.f_locals.get("mode") not in ("r", "rb")
        if changes and any(part in place for part in _PLACES) and next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(watch)
    sys.setprofile(watch)


def watch_disk(told: list[tuple[str, ...]]) -> None:
    """Write down what is waited for until it is on the disk, and what is moved where, in this order."""
    fsync, replace = os.fsync, os.replace

    def settled(file: int) -> None:
        fsync(file)
        told.append((str(Path(f"/proc/self/fd/{file}").readlink()),))

    def moved(source: Any, target: Any) -> None:
        told.append((str(source), str(target)))
        replace(source, target)

    os.fsync, os.replace = settled, moved  # type: ignore[assignment]


def refuse_locks() -> None:
    """Have a file system that knows no locks, as some that come over a network."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = refuse


def keep_locks_to_oneself() -> None:
    """Have a file system that grants all locks, and tells nobody else, as others that come over a network."""
    fcntl.flock = lambda *_: None
