"""Hashing: a digest that comes about, block by block, without any I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ocinb.sources.images import Child
from ocinb.spec.digest import Digest
from ocinb.spec.documents import REFERENCE_TYPE
from ocinb.spec.platforms import Platform, choose_platform

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


_BESIDE = {
    "index": "an index in this one: what it names stands below it",
    "attestation": f"no image but an attestation of one, as its {REFERENCE_TYPE} says: never run",
    "signature": "no image but a signature of one: never run",
    "artifact": "no image but an artifact: never run",
    "unknown": "no image that anybody here knows",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one manifest of an index."""

    child: Child
    is_taken: bool
    reason: str


def judge(children: Sequence[Child], taken: Child | None, wanted: Platform, *, is_default: bool) -> list[Verdict]:
    """Say of each child why it was taken, or why not."""
    first: dict[Digest, Child] = {}
    images = [child for child in children if child.descriptor.kind == "image"]
    for child in images:
        first.setdefault(child.descriptor.digest, child)
    offered = {str(child.descriptor.platform) for child in images}
    verdicts = []
    for child in children:
        kind = child.descriptor.kind
        if kind != "image":
            reason = _BESIDE[kind]
        elif child is taken:
            reason = _why_taken(child.descriptor.platform, wanted, is_only=is_default and len(offered) == 1)
        elif first[child.descriptor.digest] is not child:
            reason = f"the same image as in position {first[child.descriptor.digest].position}"
        else:
            reason = _why_not(child.descriptor.platform, wanted, taken)
        verdicts.append(Verdict(child, child is taken, reason))
    return verdicts


def _why_taken(platform: Platform | None, wanted: Platform, *, is_only: bool) -> str:
    if platform is None:
        return "the only image, though it says no platform"
    if str(platform) == str(wanted):
        return f"exactly {wanted}"
    if is_only:
        return f"the only platform there is, so it is taken, although it is not {wanted}"
    return f"the nearest lower variant: what runs {wanted} runs this too"


def _why_not(platform: Platform | None, wanted: Platform, taken: Child | None) -> str:
    if platform is None:
        return "says no platform, and is not the only image"
    (os, machine), (wanted_os, wanted_machine) = (str(one).split("/")[:2] for one in (platform, wanted))
    if os != wanted_os:
        return "for another operating system"
    if machine != wanted_machine:
        return "for another architecture"
    if choose_platform([platform], wanted) is None:
        return f"needs more than {wanted} has: a higher variant"
    other = taken.descriptor.platform if taken else None
    if str(other) == str(platform):
        return "as good as the one that was taken, which stands before it"
    return f"would run, but it is a lower variant than {other}"
