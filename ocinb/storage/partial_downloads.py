"""Parts: downloads that are not complete yet, under names that survive a crash and never meet each other.

A part bears the name of its blob and of its owner: machine, process, and a token that nobody else draws, of which the
first half is his number in the line. Here is what can be said of parts from outside, and what is done with those whose
owner seems to be gone; `claims` owns them.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ocinb.spec.digest import Digest
from ocinb.storage.disk_space import Room
from ocinb.storage.file_locks import given_back
from ocinb.storage.safe_files import open_regular_file, own_folder

# On another machine (or in another container) nobody can be asked for; a transfer writes at least every few seconds.
ABANDONED_SECONDS = 600
# Who is at work writes more often than this, mostly; who was interrupted is not taken up sooner.
QUIET_SECONDS = 2.0

HOST = re.sub(r"[^A-Za-z0-9]+", "-", platform.node())[:40] or "host"
_OWNER = re.compile(r".*\.(?P<host>[^.]+)\.(?P<pid>[0-9]{1,9})\.(?P<token>[0-9a-f]{32})\.part")
LAST_NUMBER = 16**16 - 1
in_use: set[Path] = set()  # by this process, now
left_here: set[Path] = set()  # by this process, and nobody else has ever written into them


def _begin_anew() -> None:
    """Forget in a process that was forked what is at work, or was left: all of it is the other one's."""
    in_use.clear()
    left_here.clear()


os.register_at_fork(after_in_child=_begin_anew)


@dataclass(frozen=True, slots=True)
class Arrived:
    """How many bytes there are of a blob, and whether whoever goes on has to copy them first."""

    size: int
    is_copied: bool

    def room_for(self, size: int) -> Room:
        """Say how much more room it takes until all bytes of the blob are there.

        >>> Arrived(80, is_copied=False).room_for(100), Arrived(80, is_copied=True).room_for(100)
        (Room(staying=20, passing=0), Room(staying=20, passing=80))
        """
        if self.size > size:  # it is worth nothing
            return Room(size)
        return Room(size - self.size, self.size if self.is_copied else 0)


NOTHING_ARRIVED = Arrived(0, is_copied=False)


def list_arrived(root: Path) -> dict[str, Arrived]:
    """Say by digest what there is of each blob that is not complete: its longest part."""
    longest: dict[str, Arrived] = {}
    for part in sorted(all_parts(root), key=size_of):
        is_copied = part not in left_here and is_abandoned(part)
        longest[stem_of(part).replace("-", ":", 1)] = Arrived(max(0, size_of(part)), is_copied=is_copied)
    return longest


def all_parts(root: Path) -> list[Path]:
    """List the downloads that are not complete."""
    return list(own_folder(root, "parts").glob("*.part"))


def parts_of(folder: Path, digest: Digest) -> list[Path]:
    """List the parts of a blob, whoever has them."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - it is asked for each blob, and one of many is wanted
    except FileNotFoundError:
        return []
    prefix = f"{stem(digest)}."
    return [folder / name for name in names if name.startswith(prefix) and name.endswith(".part")]


def abandoned_parts(folder: Path, digest: Digest) -> list[Path]:
    """List the parts of a blob on which nobody seems to be at work."""
    return [part for part in parts_of(folder, digest) if is_abandoned(part)]


def is_abandoned(part: Path) -> bool:
    """Say whether nobody seems to be at work on a part."""
    return part not in in_use and _is_abandoned(part)


def remove_abandoned(root: Path, digest: Digest) -> None:
    """Remove what is left of a blob that is whole by now."""
    for part in abandoned_parts(own_folder(root, "parts"), digest):
        with suppress(OSError):  # gone already, or not ours to remove: the blob is whole in any case
            part.unlink()
        left_here.discard(part)


def shorten_abandoned(root: Path, amount: int) -> None:
    """Give up so many bytes at the ends of downloads that broke off, or as many as there are, the longest first.

    What is left of them is as right as it was. Whoever owns one after all begins anew.
    """
    for part in sorted(all_parts(root), key=size_of, reverse=True):
        if amount <= 0:
            return
        # A second name may be that of somebody's own file, by whoever made the folder.
        if size_of(part) > 0 and part.lstat().st_nlink == 1 and is_abandoned(part):
            kept = max(0, size_of(part) - amount)
            amount -= size_of(part) - kept
            os.truncate(part, kept)


def number_of(part: Path) -> int:
    """Say which number a part has in the line of those that want its blob; 0 if it has none yet, or is not ours."""
    owner = _OWNER.fullmatch(part.name)
    return int(owner["token"][:16], 16) if owner else 0


def is_before(part: Path, other: Path) -> bool:
    """Say whether a part of ours comes before another one in the line; of two with one number, one does."""
    owners = _OWNER.fullmatch(part.name), _OWNER.fullmatch(other.name)
    return owners[0] is not None and owners[1] is not None and owners[0]["token"] < owners[1]["token"]


def is_unlocked(part: Path) -> bool | None:
    """Say whether nobody has a lock on a part; None where no lock can tell."""
    try:
        with open_regular_file(part) as file, given_back(file):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # gone, or no locks here
        return None
    return True


def size_of(part: Path) -> int:
    """Say how long a part is; -1 if it is gone, or something else is in its place."""
    try:
        status = part.lstat()
    except FileNotFoundError:
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


def stem(digest: Digest) -> str:
    """Say how the names of all parts of a blob begin."""
    return f"{digest.algorithm}-{digest.hex}"


def stem_of(part: Path) -> str:
    """Say how the name of a part begins."""
    return part.name.partition(".")[0]


def _is_abandoned(part: Path) -> bool:
    owner, unlocked = _OWNER.fullmatch(part.name), is_unlocked(part)
    if owner is None or unlocked is False:
        return False
    if owner["host"] != HOST:
        return age_of(part) > ABANDONED_SECONDS
    pid = int(owner["pid"])
    if pid == os.getpid() or not _is_running(pid):
        return True
    # The number of one who has ended may be another program's by now, or nobody has buried him. But he may also have
    # opened the part a moment ago and lock it next, or have locks that reach nobody else; then he goes on writing.
    return unlocked is True and age_of(part) > QUIET_SECONDS


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def age_of(part: Path) -> float:
    """Say how long a part has rested; the clock may have been set back since."""
    try:
        return abs(time.time() - part.stat().st_mtime)
    except FileNotFoundError:
        return 0.0
