"""Room: whether a disk can take what is to come, asked before anything is fetched."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ocinb._text import human_size
from ocinb.errors import TransportError
from ocinb.storage.safe_files import MORE_ROOM


def free_bytes(folder: Path) -> int | None:
    """Say how many bytes a folder that may not be there yet could take; None where nobody can tell."""
    try:
        usage = shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists()))
    except OSError:
        return None
    return usage.free if usage.total else None  # some file systems over a network say 0 of 0


@dataclass(frozen=True, slots=True)
class Room:
    """What something takes, in bytes: to stay, and in passing, until it gives that back."""

    staying: int
    passing: int = 0


def needed_bytes(rooms: Collection[Room]) -> int:
    """Say how much has to be free for all, if nothing passes at the same time as anything else.

    >>> needed_bytes([Room(20), Room(5, passing=80)]), needed_bytes([])
    (80, 0)
    """
    return max(sum(room.staying for room in rooms), max((room.passing for room in rooms), default=0))


def beyond(rooms: Iterable[Room], free: int) -> list[bool]:
    """Say of each, one after the other, whether there is not enough left for it.

    >>> beyond([Room(6), Room(5), Room(3), Room(0, passing=11)], free=10)
    [False, True, False, True]
    """
    verdicts, left = [], free
    for room in rooms:
        verdicts.append(room.staying > left or room.passing > free)
        left -= 0 if verdicts[-1] else room.staying
    return verdicts


def no_room(folder: Path, needed: int, free: int, name: str | None = None) -> TransportError:
    """Make the error that says how much is needed, how much there is, and for what."""
    has = f"{folder} has {human_size(free)} free ({free:,} bytes)"
    needs = f"{human_size(needed)} ({needed:,} bytes) are needed"
    return TransportError(f"{has}, and {needs}", reference=name, hint=MORE_ROOM)
