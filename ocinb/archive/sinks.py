"""Sinks: what the content of an entry goes into, piece by piece."""

from __future__ import annotations

from typing import Protocol


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
