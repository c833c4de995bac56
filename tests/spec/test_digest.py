"""A digest is what hashlib says, and bytes that are not the promised ones are told at once."""

import copy
import hashlib
import json
import pickle
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec.digest import HEX_LENGTHS, Digest, Verifier, verify

HELLO = Digest("sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")


def _plain(raw: bytes, algorithm: str) -> str:
    return f"{algorithm}:{getattr(hashlib, algorithm)(raw).hexdigest()}"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("raw", [b"", b"hello", bytes(range(256)) * 999], ids=len)
def test_it_is_what_hashlib_says(algorithm: str, raw: bytes) -> None:
    digest = Digest.of(raw, algorithm)
    assert digest == _plain(raw, algorithm)
    assert (digest.algorithm, digest.hex) == (algorithm, _plain(raw, algorithm).partition(":")[2])
    assert Digest(str(digest)) == digest
    assert verify(raw, digest, len(raw)) is raw


def test_sha256_is_the_default() -> None:
    assert Digest.of(b"hello") == HELLO


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a digest. A digest reads sha256: and 64 hex digits"),
        ("ab" * 32, "is not a digest"),
        ("sha256:", "'sha256:' is not a digest"),
        (f" {HELLO}", "is not a digest"),
        (f"{HELLO}\n", r"\n' is not a digest"),
        (f"{HELLO}/../x", "is not a digest"),
        (HELLO.upper(), "is not a digest"),
        (f"sha256:{HELLO.hex.upper()}", "has to have 64 lower-case hex digits after 'sha256:'"),
        (HELLO[:-1], "has to have 64 lower-case hex digits after 'sha256:'"),
        (f"{HELLO}0", "has to have 64 lower-case hex digits after 'sha256:'"),
        (f"sha256:{'g' * 64}", "has to have 64 lower-case hex digits after 'sha256:'"),
        (f"sha384:{'a' * 64}", "has to have 96 lower-case hex digits after 'sha384:'"),
        (f"sha512:{'a' * 64}", "has to have 128 lower-case hex digits after 'sha512:'"),
        (f"md5:{'a' * 32}", "is of an unknown algorithm. These can be verified: sha256, sha384, sha512"),
        (f"sha1:{'a' * 40}", "is of an unknown algorithm"),
        (f"sha256+b64:{'a' * 64}", "is of an unknown algorithm"),
        ("sha256:" + "a" * 1_000_000, "…"),
        (None, "None is not a digest"),
        (b"sha256:00", "b'sha256:00' is not a digest"),
    ],
)
def test_what_is_no_digest_is_refused_with_the_reason(text: Any, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Digest(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_it_is_a_text_and_stays_one() -> None:
    assert json.dumps({HELLO: HELLO}) == json.dumps({str(HELLO): str(HELLO)})
    assert hash(HELLO) == hash(str(HELLO))
    for twin in (pickle.loads(pickle.dumps(HELLO)), copy.deepcopy(HELLO), Digest(HELLO)):
        assert type(twin) is Digest
        assert twin == HELLO


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


def test_a_wrong_digest_is_told_with_both() -> None:
    with pytest.raises(IntegrityError) as caught:
        verify(b"hellO", HELLO, 5)
    assert str(caught.value) == f"the bytes of {HELLO} have the digest {_plain(b'hellO', 'sha256')}"


def test_too_few_bytes_are_told_at_the_end() -> None:
    verifier = Verifier(HELLO, 5000)
    verifier.update(b"hello")
    with pytest.raises(IntegrityError) as caught:
        verifier.check()
    assert str(caught.value) == f"{HELLO} has to be 5,000 bytes long, but 5 came"


def test_too_many_bytes_are_told_with_the_first_that_is_too_many() -> None:
    verifier = Verifier(HELLO, 5)
    verifier.update(b"hello")
    verifier.update(b"")
    with pytest.raises(IntegrityError, match=f"^{HELLO} has to be 5 bytes long, but more came$"):
        verifier.update(b"!")


@pytest.mark.parametrize(("raw", "size"), [(b"hello", 4), (b"hello", 6), (b"", 5), (b"hello", 0)])
def test_right_bytes_of_another_size_than_promised_are_refused(raw: bytes, size: int) -> None:
    with pytest.raises(IntegrityError):
        verify(raw, Digest.of(raw), size)


def test_without_a_promised_size_the_digest_alone_decides() -> None:
    assert verify(b"hello", HELLO) == b"hello"
    with pytest.raises(IntegrityError):
        verify(b"hello!", HELLO)
