"""Hashing: a digest that comes about, block by block, without any I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

# What sha256 takes at a time; sha384 and sha512 take twice as much.
BLOCK_BYTES = 64
MOST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Step:
    """The digest of the first bytes of a document: how many they are, and its hex digits."""

    taken: int
    hex: str


def hash_in_steps(raw: bytes, algorithm: str) -> Iterator[Step]:
    """Hash some bytes in a few steps, each of whole blocks.

    >>> [step.taken for step in hash_in_steps(bytes(1000), "sha256")]
    [128, 256, 384, 512, 640, 768, 896, 1000]
    """
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    blocks = -(-len(raw) // BLOCK_BYTES)
    step = max(1, -(-blocks // MOST_STEPS)) * BLOCK_BYTES
    for start in range(0, len(raw), step):
        hasher.update(raw[start : start + step])
        yield Step(min(start + step, len(raw)), hasher.hexdigest())


def with_a_bit_turned(raw: bytes, algorithm: str) -> str:
    """Hash the same bytes with the last bit of the first byte turned."""
    return hashlib.new(algorithm, bytes([raw[0] ^ 1]) + raw[1:], usedforsecurity=False).hexdigest()
