"""A digest is what hashlib says, and bytes that are not the promised ones are told at once."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import IntegrityError
from ocinb.spec.digest import HEX_LENGTHS, Digest, Verifier, verify


def _plain(raw: bytes, algorithm: str) -> str:
    return f"{algorithm}:{getattr(hashlib, algorithm)(raw).hexdigest()}"


@given(
    raw=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=9),
    algorithm=st.sampled_from(sorted(HEX_LENGTHS)),
)
def test_bytes_are_verified_however_they_are_cut(raw: bytes, cuts: list[int], algorithm: str) -> None:
    verifier = Verifier(Digest.of(raw, algorithm), len(raw))
    for start, end in pairwise(sorted([0, *cuts, len(raw) + 300])):
        verifier.update(memoryview(raw)[start:end])
    verifier.check()
    assert verifier.seen == len(raw)


@given(raw=st.binary(min_size=1, max_size=50), place=st.integers(0, 49), bit=st.integers(0, 7), sized=st.booleans())
def test_one_flipped_bit_is_noticed(raw: bytes, place: int, bit: int, sized: bool) -> None:  # noqa: FBT001
    broken = bytearray(raw)
    broken[place % len(raw)] ^= 1 << bit
    with pytest.raises(IntegrityError):
        verify(bytes(broken), Digest.of(raw), len(raw) if sized else None)


@pytest.mark.parametrize(("raw", "size"), [(b"hello", 4), (b"hello", 6), (b"", 5), (b"hello", 0)])
def test_right_bytes_of_another_size_than_promised_are_refused(raw: bytes, size: int) -> None:
    with pytest.raises(IntegrityError):
        verify(raw, Digest.of(raw), size)
