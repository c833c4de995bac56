"""Suggestions for a mistyped name."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

COMPARED_NAMES = 1000  # comparing every name of a large store would take longer than the lookup
SHOWN_NAMES = 3
ALIKE = 0.8


def nearest(wanted: str, names: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Find the name most similar to a mistyped one, or None if all are too different.

    >>> nearest("platfrom", ["platform", "offline"])
    'platform'
    """
    import difflib  # late: few calls contain a mistake

    return next(iter(difflib.get_close_matches(wanted, list(names), n=1, cutoff=cutoff)), None)


def near_names(wanted: str, names: Iterable[str]) -> list[str]:
    """Find a few names whose last part is similar to the wanted one, the most similar first.

    >>> near_names("pyton", ["docker.io/library/python:latest", "docker.io/library/debian:12"])
    ['docker.io/library/python:latest']
    """
    ends: dict[str, str] = {}
    for name in islice(names, COMPARED_NAMES):
        end = name.rpartition("/")[2].lower()
        ends.setdefault(end, name)
        ends.setdefault(end.removesuffix(":latest"), name)
    import difflib  # late: few calls contain a mistake

    near = difflib.get_close_matches(wanted.rpartition("/")[2].lower(), ends, n=2 * SHOWN_NAMES, cutoff=ALIKE)
    return list(dict.fromkeys(ends[end] for end in near))[:SHOWN_NAMES]
