"""Room: whether a disk can take what is to come, asked before anything is fetched."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from ocinb._text import human_size
from ocinb.errors import TransportError
from ocinb.storage.blobs import MORE_ROOM


def free_bytes(folder: Path) -> int | None:
    """Say how many bytes a folder that may not be there yet could take; None where nobody can tell."""
    try:
        usage = shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists()))
    except OSError:
        return None
    return usage.free if usage.total else None  # some file systems over a network say 0 of 0


def beyond(sizes: Iterable[int], free: int) -> list[bool]:
    """Say of each of some sizes, one after the other, whether there is no room left for it.

    >>> beyond([6, 5, 3], free=10)
    [False, True, False]
    """
    verdicts = []
    for size in sizes:
        verdicts.append(size > free)
        free -= 0 if verdicts[-1] else size
    return verdicts


def no_room(folder: Path, needed: int, free: int) -> TransportError:
    """Make the error that says how much is needed, and how much there is."""
    has = f"{folder} has {human_size(free)} free ({free:,} bytes)"
    return TransportError(f"{has}, and {human_size(needed)} ({needed:,} bytes) are needed", hint=MORE_ROOM)
