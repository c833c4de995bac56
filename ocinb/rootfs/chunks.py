"""Chunks: where the contents of the files of a layer stand in its compressed bytes, number by number.

A layer may have millions of them, so there is no object for each.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunk:
    """One run of a file's content, compressed by itself or with others.

    Attributes
    ----------
    offset, end
        The compressed bytes in which it stands.
    skipped
        How many unpacked bytes stand before it there.
    size
        How many bytes it has.
    sha256
        The digest of these; None if only that of the whole file is known.
    """

    offset: int
    end: int
    skipped: int
    size: int
    sha256: bytes | None


class Chunks:
    """The chunks of all files of a layer, in the order of the files.

    Parameters
    ----------
    end
        Where the compressed contents end.
    """

    def __init__(self, end: int) -> None:
        self.end = end
        self._offset = array("q")
        self._skipped = array("q")
        self._size = array("q")
        self._sha256: list[bytes | None] = []
        self._first = array("q", [0])  # of each file, and one more
        self._files: dict[int, int] = {}  # the place among those with content, by the position of the entry
        self._borders: list[int] | None = None

    def add(self, offset: int, skipped: int, size: int, sha256: bytes | None) -> None:
        """Add a chunk to the file that is being described."""
        self._offset.append(offset)
        self._skipped.append(skipped)
        self._size.append(size)
        self._sha256.append(sha256)

    def finish(self, position: int) -> None:
        """Say that these were all chunks of the file at a position of the tar."""
        self._files[position] = len(self._files)
        self._first.append(len(self._offset))

    def of(self, position: int) -> Sequence[Chunk]:
        """Give the chunks of a file."""
        file = self._files[position]
        return [self._chunk(place) for place in range(self._first[file], self._first[file + 1])]

    def _chunk(self, place: int) -> Chunk:
        offset = self._offset[place]
        return Chunk(offset, self._border(offset), self._skipped[place], self._size[place], self._sha256[place])

    def _border(self, offset: int) -> int:
        """Find where the next one begins: no format says where the compressed bytes of a chunk end."""
        if self._borders is None:
            self._borders = sorted({*self._offset, self.end})
        return self._borders[bisect_right(self._borders, offset)]
