"""Limits: how much one tar may ask for, and how much of that it asked for so far."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from ocinb.errors import InvalidError

_EMPTY = sys.getsizeof("")  # what a text takes for itself, as any object does
_TRUST = "Set more in ocinb.settings if you trust it"


@dataclass(frozen=True, slots=True)
class TarLimits:
    """How much one tar may ask for; each is a setting.

    Attributes
    ----------
    entries
        ``max_tar_entries``, volume labels too.
    header_bytes
        ``max_tar_header_bytes``: all headers of one entry, with long names, pax records and the map of its holes.
    content_bytes
        ``max_unpacked_bytes``: all sparse files together, with their holes.
    hole_bytes
        ``max_hole_bytes``: the holes of all sparse files together, which a tar claims in a few bytes and which are
        hashed as zeros. None for whoever hashes nothing: holes that are dropped cost nothing.
    name_bytes
        ``max_tar_name_bytes``: the memory of all paths and link targets together. None for whoever keeps none of them.
    """

    entries: int
    header_bytes: int
    content_bytes: int
    hole_bytes: int | None = None
    name_bytes: int | None = None


class Spending:
    """What one tar asked for so far; whatever is too much is refused, and the error names the limit.

    Attributes
    ----------
    in_headers
        How many bytes of headers came whose entry did not.
    """

    def __init__(self, limits: TarLimits, where: str) -> None:
        self._limits = limits
        self._where = where
        self.in_headers = 0
        self._claimed = 0  # by sparse files, with their holes
        self._holes = 0
        self._names = 0

    def entry(self, count: int) -> None:
        """Take one more entry than there are so far."""
        if count >= self._limits.entries:
            raise InvalidError(f"{self._where} has more entries than max_tar_entries = {self._limits.entries:,}")

    def headers(self, more: int, at: int) -> None:
        """Take bytes of headers of an entry that is to come, of which the last begins at one place."""
        self.in_headers += more
        if self.in_headers > self._limits.header_bytes:
            raise InvalidError(
                f"the entry at byte {at:,} of {self._where} has headers of {self.in_headers:,} bytes, "
                f"more than max_tar_header_bytes = {self._limits.header_bytes:,}"
            )

    def sparse_file(self, size: int) -> None:
        """Take a sparse file of that size."""
        self._claimed += size
        if self._claimed > self._limits.content_bytes:
            raise InvalidError(
                f"{self._where} has sparse files of {self._claimed:,} bytes, "
                f"more than max_unpacked_bytes = {self._limits.content_bytes:,}"
            )

    def holes(self, more: int) -> None:
        """Take bytes of holes."""
        self._holes += more
        if self._limits.hole_bytes is not None and self._holes > self._limits.hole_bytes:
            raise InvalidError(
                f"{self._where} has sparse files with {self._holes:,} bytes of holes, "
                f"more than max_hole_bytes = {self._limits.hole_bytes:,}",
                hint=_TRUST,
            )

    def names(self, texts: Sequence[str]) -> None:
        """Take paths and link targets that are kept."""
        self._names += held_bytes(texts)
        if self._limits.name_bytes is not None and self._names > self._limits.name_bytes:
            raise InvalidError(
                f"{self._where} has paths and link targets of {self._names:,} bytes, "
                f"more than max_tar_name_bytes = {self._limits.name_bytes:,}",
                hint=_TRUST,
            )


def held_bytes(texts: Sequence[str]) -> int:
    """Say how much memory texts take: a byte for each character of one in ASCII, up to four for each of another."""
    return sum(map(sys.getsizeof, texts)) - _EMPTY * len(texts)
