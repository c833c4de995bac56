"""Digests: what a thing's bytes are called, and the proof that bytes deserve the name.

Source: OCI image-spec, descriptor.md, "Digests".
"""

from __future__ import annotations

import hashlib
import re
from typing import Self

from ocinb._text import shorten
from ocinb.errors import IntegrityError, InvalidError

# Hex length by algorithm. sha384 is not registered by the image-spec, but the grammar of docker's references knows it.
HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}

# What is none of these is no digest here; the grammar of all digests tells only why.
_GOOD = re.compile("|".join(f"{algorithm}:[0-9a-f]{{{length}}}" for algorithm, length in HEX_LENGTHS.items()))
_GRAMMAR = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")


class Digest(str):
    """A digest in the form ``algorithm:hex``, known to be well formed. It is a text, and compares as one.

    Examples
    --------
    >>> digest = Digest.of(b"hello")
    >>> digest.algorithm, digest.hex[:8]
    ('sha256', '2cf24dba')
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text, unless it has been checked before."""
        if type(text) is cls:
            return text
        if not isinstance(text, str) or not _GOOD.fullmatch(text):
            raise _refused(text)
        return super().__new__(cls, text)

    @classmethod
    def of(cls, raw: bytes, algorithm: str = "sha256") -> Self:
        """Compute the digest of some bytes."""
        return cls(f"{algorithm}:{hashlib.new(algorithm, raw, usedforsecurity=False).hexdigest()}")

    @property
    def algorithm(self) -> str:
        """``sha256``, ``sha384`` or ``sha512``."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The hex digits alone."""
        return self.partition(":")[2]


def _refused(text: object) -> InvalidError:
    """Say what is wrong with what is no digest."""
    shown = shorten(text, 200) if isinstance(text, str) else text
    if not isinstance(text, str) or not _GRAMMAR.fullmatch(text):
        return InvalidError(f"{shown!r} is not a digest", hint="A digest reads sha256: and 64 hex digits")
    algorithm = text.partition(":")[0]
    length = HEX_LENGTHS.get(algorithm)
    if length is None:
        hint = f"These can be verified: {', '.join(HEX_LENGTHS)}"
        return InvalidError(f"the digest {shown!r} is of an unknown algorithm", hint=hint)
    return InvalidError(f"the digest {shown!r} has to have {length} lower-case hex digits after '{algorithm}:'")


class Verifier:
    """Hashes bytes as they pass, and says at the end whether they are the ones that were promised."""

    def __init__(self, digest: Digest, size: int | None = None) -> None:
        self.digest = digest
        self.size = size
        self.seen = 0
        self._hash = hashlib.new(digest.algorithm, usedforsecurity=False)

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes; more than were promised is an error at once, before they fill a disk."""
        self.seen += len(chunk)
        if self.size is not None and self.seen > self.size:
            raise IntegrityError(f"{self.digest} has to be {self.size:,} bytes long, but more came")
        self._hash.update(chunk)

    def check(self) -> None:
        """Compare what passed with what was promised."""
        if self.size is not None and self.seen != self.size:
            raise IntegrityError(f"{self.digest} has to be {self.size:,} bytes long, but {self.seen:,} came")
        actual = f"{self.digest.algorithm}:{self._hash.hexdigest()}"
        if actual != self.digest:
            raise IntegrityError(f"the bytes of {self.digest} have the digest {actual}")


def verify(raw: bytes, digest: Digest, size: int | None = None) -> bytes:
    """Return the bytes if they are the promised ones."""
    verifier = Verifier(digest, size)
    verifier.update(raw)
    verifier.check()
    return raw
