"""Near names: what may have been meant by the name of an image that nothing has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

COMPARED_NAMES = 1000  # a guess among all the names of a large store would take longer than the answer
SHOWN_NAMES = 3
ALIKE = 0.8


def near_names(wanted: str, names: Iterable[str]) -> list[str]:
    """Find a few names that end nearly alike, the nearest first: all names of one registry begin alike.

    >>> near_names("pyton", ["docker.io/library/python:latest", "docker.io/library/debian:12"])
    ['docker.io/library/python:latest']
    """
    ends: dict[str, str] = {}
    for name in islice(names, COMPARED_NAMES):
        end = name.rpartition("/")[2].lower()
        ends.setdefault(end, name)
        ends.setdefault(end.removesuffix(":latest"), name)
    near = difflib.get_close_matches(wanted.rpartition("/")[2].lower(), ends, n=2 * SHOWN_NAMES, cutoff=ALIKE)
    return list(dict.fromkeys(ends[end] for end in near))[:SHOWN_NAMES]
