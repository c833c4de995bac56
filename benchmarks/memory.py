"""Peak memory: how much more a process has in memory at its worst, while it works, than when it is idle."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

from benchmarks.measuring import said_by

# The kernel's own high-water mark, set back when all is imported and one small image was read. `getrusage` would not
# do: a process inherits that of whoever started it.
_PROGRAM = """
import pathlib, sys
import ocinb

status, refs = pathlib.Path("/proc/self/status"), pathlib.Path("/proc/self/clear_refs")

def kilobytes(name):
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name + ":"))

def work(reference, name):
    {work}

small, large, place = sys.argv[1:]
work(small, "small")
refs.write_text("5")
idle = kilobytes("VmRSS")
work(large, "large")
print(kilobytes("VmHWM") - idle)
"""
_PULL = 'ocinb.pull(reference, destination=place + "/" + name, progress=False)'
_LIST = "ocinb.files(reference, progress=False)"


def pull_megabytes(small: str, large: str, place: Path) -> int:
    """Pull two images in a new process, and give how far the second went above what was there after the first.

    Parameters
    ----------
    small
        The reference of an image that brings all into memory that stays there.
    large
        The reference of the image that is measured.
    place
        A folder for the layouts, the store and the cache.

    Returns
    -------
    int
        Megabytes, rounded up.
    """
    return _megabytes(_PULL, small, large, place)


def list_megabytes(small: str, large: str, place: Path) -> int:
    """List the files of two images in a new process; all as for a pull."""
    return _megabytes(_LIST, small, large, place)


def _megabytes(work: str, small: str, large: str, place: Path) -> int:
    environment = {**os.environ, "OCINB_STORE_DIR": f"{place}/store", "OCINB_CACHE_DIR": f"{place}/cache"}
    program = _PROGRAM.replace("{work}", work)
    kilobytes = said_by(sys.executable, "-c", program, small, large, str(place), **environment)
    return math.ceil(int(kilobytes) * 1024 / 10**6)
