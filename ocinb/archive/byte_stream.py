"""Stream: what came of compressed bytes, taken in pieces of any size, so that each library gets what it can use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

from ocinb._pool import check_stopped

# As many bytes as tell what a member is: the header of a gzip with a name has no more.
LARGEST_HEADER = 512
_ZEROS = 4096


class Stream:
    """Compressed bytes, in pieces of the size that is asked for, which may be given back.

    Attributes
    ----------
    offset
        Of the next byte.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.offset = 0
        self._chunks = iter(chunks)
        self._waiting: deque[bytes | memoryview] = deque()

    def chunks(self) -> Iterator[bytes]:
        """Give all as it came."""
        for chunk in self._chunks:
            check_stopped()
            yield chunk

    def take(self, most: int) -> bytes | memoryview:
        """Give the next bytes, at most so many; none at the end only."""
        check_stopped()
        piece = self._waiting.popleft() if self._waiting else next(filter(None, self._chunks), b"")
        if len(piece) > most:
            view = memoryview(piece)
            self._waiting.appendleft(view[most:])
            piece = view[:most]
        self.offset += len(piece)
        return piece

    def give_back(self, unused: bytes) -> None:
        """Take the last bytes that were given."""
        if unused:
            self._waiting.appendleft(unused)
            self.offset -= len(unused)

    def peek(self) -> bytes:
        """Show the next bytes, as many as tell what they begin. They are one piece from then on."""
        beginning = b""
        while len(beginning) < LARGEST_HEADER and (piece := self.take(LARGEST_HEADER - len(beginning))):
            beginning += piece
        self.give_back(beginning)
        return beginning

    def skip_zeros(self) -> int:
        """Pass over zeros, and say how many they were."""
        start = self.offset
        while piece := bytes(self.take(_ZEROS)):
            if left := piece.lstrip(b"\0"):
                self.give_back(left)
                break
        return self.offset - start


class Hash(Protocol):
    """What takes content: a digest, or somebody who wants the bytes."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""

    def digest(self) -> bytes:
        """Give what they come to."""


class Nothing:
    """Takes content that nobody wants."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Drop it."""

    def digest(self) -> bytes:
        """Give nothing."""
        return b""


class Gathered(Nothing):
    """Takes content that somebody wants as it is."""

    def __init__(self, data: bytes | memoryview = b"") -> None:
        self._pieces = [bytes(data)]

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""
        self._pieces.append(bytes(data))

    def digest(self) -> bytes:
        """Give all of it."""
        self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]
