"""Folders that tests want on other ground: in memory, of a small size, or where nobody may write."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import SECONDS
from tests.real.tools import require

_MEMORY = Path("/dev/shm")


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """Give a folder in which nobody waits for a disk, or any where there is none; a hundred pulls take seconds then."""
    if not os.access(_MEMORY, os.W_OK):
        yield otherwise
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder:
        yield Path(folder)


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Have a folder, and all that is in it now, be read-only, also for root."""
    with _mounted(place, "--bind", str(place)):
        _run("mount", "-o", "remount,ro,bind", str(place))
        yield


@contextmanager
def _mounted(place: Path, *what: str) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    said = _run("mount", *what, str(place))
    if said:
        pytest.skip(f"this machine lets nobody mount a file system here: {said}")
    try:
        yield
    finally:
        _run("umount", "--lazy", str(place))


def _run(tool: str, *arguments: str) -> str:
    """Run it, and give what it complains of, in a line."""
    done = subprocess.run([require(tool), *arguments], capture_output=True, check=False, text=True, timeout=SECONDS)
    return f"{done.stderr.strip() or 'no reason'}\n".splitlines()[0] if done.returncode else ""
