"""Parts: downloads that are not complete yet, under names that survive a crash and never meet each other.

A part bears its owner: machine, process and number. Whoever finds a part whose owner is gone may take it over; the
rename is atomic, so only one can. Nothing else is locked, which also holds on network file systems.
"""

from __future__ import annotations

import itertools
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocinb.spec.digest import Digest
from ocinb.storage.blobs import OWN_FOLDER

# On another machine (or in another container) nobody can be asked for; a transfer writes at least every few seconds.
ABANDONED_SECONDS = 600

_HOST = re.sub(r"[^A-Za-z0-9]+", "-", platform.node())[:40] or "host"
_OWNER = re.compile(r".*\.(?P<host>[^.]+)\.(?P<pid>[0-9]{1,9})\.[0-9]+\.part")
_numbers = itertools.count()
_ours: set[Path] = set()


@contextmanager
def claim_part(root: Path, digest: Digest) -> Iterator[Path]:
    """Own the part of a blob for a while: an abandoned one if there is any, else a new name.

    The file stays when the block is left, unless it was moved away, so that the next download resumes it.

    Parameters
    ----------
    root
        The folder of the layout.
    digest
        The blob.
    """
    folder = root / OWN_FOLDER / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{digest.algorithm}-{digest.hex}"
    mine = folder / f"{stem}.{_HOST}.{os.getpid()}.{next(_numbers)}.part"
    _ours.add(mine)
    try:
        for found in sorted(folder.glob(f"{stem}.*.part"), key=_size, reverse=True):
            if found not in _ours and _is_abandoned(found) and _take_over(found, mine):
                break
        yield mine
    finally:
        _ours.discard(mine)


def _take_over(found: Path, mine: Path) -> bool:
    try:
        found.rename(mine)
    except FileNotFoundError:  # another process was quicker
        return False
    return True


def _is_abandoned(part: Path) -> bool:
    owner = _OWNER.fullmatch(part.name)
    if owner is None:
        return False
    if owner["host"] != _HOST:
        return _age(part) > ABANDONED_SECONDS
    pid = int(owner["pid"])
    return pid == os.getpid() or not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _age(part: Path) -> float:
    try:
        return time.time() - part.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return -1
