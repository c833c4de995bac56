"""Parts: downloads that are not complete yet, under names that survive a crash and never meet each other.

What is promised: **no process ever writes into a file that another process may still write into.** So the bytes that a
transfer has hashed are the bytes of its file, and nobody changes that file after it got its final name.

Why it holds: a part bears its owner (machine, process, and a token that nobody else draws). Whoever finds one whose
owner seems to be gone renames it, which only one can, and goes on in a copy of his own. That the owner seems to be gone
proves nothing: two containers may have one host name and different numbers for one process, and a process may sleep
for an hour. If he is alive, he goes on writing into a file that nobody reads any more, misses his name at the end, and
begins anew. Only what this very process left behind is gone on with in place.

A lock keeps that from happening where locks work, also between containers. Nothing depends on it: on a network file
system it may fail, or be seen by one machine only.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ocinb._pool import check_stopped
from ocinb.errors import TransportError
from ocinb.spec.digest import Digest
from ocinb.storage.blobs import CHUNK, OWN_FOLDER

# On another machine (or in another container) nobody can be asked for; a transfer writes at least every few seconds.
ABANDONED_SECONDS = 600

_HOST = re.sub(r"[^A-Za-z0-9]+", "-", platform.node())[:40] or "host"
_OWNER = re.compile(r".*\.(?P<host>[^.]+)\.(?P<pid>[0-9]{1,9})\.[0-9a-f]{16}\.part")
_in_use: set[Path] = set()
_left: set[Path] = set()  # by this process, and nobody else has ever written into them


class TakenError(TransportError):
    """Another process took a part over whose owner is alive."""


@contextmanager
def claim_part(root: Path, digest: Digest, size: int) -> Iterator[Path]:
    """Own the part of a blob for a while: the longest abandoned one if there is any, else a new name.

    The file stays when the block is left, unless it was moved away or is empty, so that the next download resumes it.

    Parameters
    ----------
    root
        The folder of the layout.
    digest, size
        The blob; a part that is longer is worth nothing.
    """
    folder = root / OWN_FOLDER / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    with _new_part(folder, digest) as mine:
        found = {part: _size(part) for part in _abandoned(folder, digest)}
        for part in sorted(found, key=found.__getitem__, reverse=True):
            if found[part] <= size and _take_over(part, mine, digest):
                break
        try:
            yield mine
        finally:
            if _size(mine) > 0:
                _left.add(mine)
            else:
                mine.unlink(missing_ok=True)


def lock_part(file: BinaryIO) -> None:
    """Tell other processes that the owner of an open part is alive, if the file system can."""
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def check_part(file: BinaryIO, part: Path, size: int) -> None:
    """Make sure that an open part still has its name and holds what was written to it, and no more.

    Raises
    ------
    TakenError
        If another process took it over.
    """
    status = os.fstat(file.fileno())
    with suppress(FileNotFoundError):
        if status.st_size == size and os.path.samestat(status, part.stat()):
            return
    raise TakenError(f"another process took over the download {part}", hint="Try again")


def remove_abandoned(root: Path, digest: Digest) -> None:
    """Remove what is left of a blob that is whole by now."""
    for part in _abandoned(root / OWN_FOLDER / "parts", digest):
        with suppress(OSError):  # gone already, or not ours to remove: the blob is whole in any case
            part.unlink()
        _left.discard(part)


def all_parts(root: Path) -> list[Path]:
    """List the downloads that are not complete."""
    return list((root / OWN_FOLDER / "parts").glob("*.part"))


def is_abandoned(part: Path) -> bool:
    """Say whether nobody seems to be at work on a part."""
    return part not in _in_use and _is_abandoned(part)


@contextmanager
def _new_part(folder: Path, digest: Digest) -> Iterator[Path]:
    name = f"{digest.algorithm}-{digest.hex}.{_HOST}.{os.getpid()}.{secrets.token_hex(8)}.part"
    part = folder / name
    _in_use.add(part)
    try:
        yield part
    finally:
        _in_use.discard(part)


def _abandoned(folder: Path, digest: Digest) -> list[Path]:
    found = folder.glob(f"{digest.algorithm}-{digest.hex}.*.part")
    return [part for part in found if is_abandoned(part)]


def _take_over(found: Path, mine: Path, digest: Digest) -> bool:
    try:
        if found in _left:
            _left.discard(found)
            found.rename(mine)
            return True
        with _new_part(found.parent, digest) as taken:
            found.rename(taken)
            _copy(taken, mine)
            taken.unlink(missing_ok=True)
    except FileNotFoundError:  # another process was quicker
        return False
    return True


def _copy(taken: Path, mine: Path) -> None:
    with taken.open("rb") as source:
        try:
            with mine.open("xb") as copy:
                while chunk := source.read(CHUNK):
                    check_stopped()
                    copy.write(chunk)
        except BaseException:  # a full disk, or a stop: the longer one is of more use next time
            mine.unlink(missing_ok=True)
            raise


def _is_abandoned(part: Path) -> bool:
    owner = _OWNER.fullmatch(part.name)
    if owner is None or _is_locked(part):
        return False
    if owner["host"] != _HOST:
        return _age(part) > ABANDONED_SECONDS
    pid = int(owner["pid"])
    return pid == os.getpid() or not _is_running(pid)


def _is_locked(part: Path) -> bool:
    try:
        with part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # gone, or no locks here
        return False
    return False


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
