"""Whatever something was compressed by, and in how many parts: all of it comes out, within limits, or an error."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb._pool import run_all
from ocinb._settings import MIB
from ocinb.archive import compression
from ocinb.archive.compression import Limits, compression_of, decompressed
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.samples.tars import noise
from tests.archive.packers import LIMITS, MAGIC, PACKERS, PLAIN, SKIPPED, examples, pieces, unpack

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@pytest.mark.parametrize(
    ("beginning", "name"),
    [
        *((pack(b"" if empty else PLAIN), name) for name, pack in PACKERS.items() for empty in (True, False)),
        (SKIPPED, "zstd"),
        (b"\x50\x2a\x4d\x18\0\0\0\0", "zstd"),
        (b"\x60\x2a\x4d\x18\0\0\0\0", "none"),
        (b"BZhang.txt", "none"),
        (b"BZh9.txt\0", "none"),
        (b"BZh0\x17rE8", "none"),
        (b"PK\x03\x04", "none"),
        (b"etc/\0\0\0\0", "none"),
        (b"\x1f", "none"),
        (b"\xfd7zXZ", "none"),
        (b"", "none"),
    ],
)
def test_the_first_bytes_tell_how_it_is_compressed(beginning: bytes, name: str) -> None:
    assert compression_of(beginning) == compression_of(beginning[: compression.MAGIC_BYTES]) == name


def test_nothing_is_nothing() -> None:
    assert list(decompressed([], LIMITS, "layer 3")) == []
    assert unpack(b"", b"") == b""


def test_what_is_not_compressed_is_given_as_it_came() -> None:
    chunks = [b"", b"plain", b"", b" text", noise("more", 100)]
    assert b"".join(decompressed(chunks, Limits(0, 0, 0), "layer 3")) == b"".join(chunks)
    assert unpack(b"\x1f") == b"\x1f", "nobody can know yet"


@examples
@given(
    parts=st.lists(st.binary(max_size=2000) | st.integers(0, 20_000).map(bytes), max_size=4),
    size=st.integers(1, 3000),
)
def test_all_members_come_out_in_whatever_pieces_they_come(packer: str, parts: list[bytes], size: int) -> None:
    raw = b"".join(PACKERS[packer](part) for part in parts)
    assert unpack(*pieces(raw, size)) == b"".join(parts)


def test_members_of_nothing_are_members(packer: str) -> None:
    nothing, something = PACKERS[packer](b""), PACKERS[packer](PLAIN)
    assert unpack(nothing) == unpack(nothing * 3) == b""
    assert unpack(nothing + something + nothing * 2 + something) == PLAIN * 2


@cache
def large(packer: str) -> tuple[bytes, bytes]:
    """Pack some megabytes in one piece, and the first of them once more in small ones; give them bare and packed."""
    plain = noise("a large file", MIB) + bytes(9 * MIB) + noise("another", MIB)
    return plain, b"".join(map(PACKERS[packer], [plain, *pieces(plain[:MIB], 100_000)]))


@pytest.mark.parametrize("size", [1000, 64 * 1024, 8 * MIB])
def test_chunks_are_neither_small_nor_large(packer: str, size: int) -> None:
    plain, raw = large(packer)
    chunks = list(decompressed(pieces(raw, size), LIMITS, "layer 3"))
    assert b"".join(chunks) == plain + plain[:MIB]
    assert max(map(len, chunks)) <= compression.LARGEST_CHUNK + compression.SMALLEST_CHUNK
    assert min(map(len, chunks[:-1])) >= compression.SMALLEST_CHUNK


def test_frames_to_skip_are_skipped_wherever_they_stand() -> None:
    frame = zstd.compress(PLAIN)
    assert unpack(SKIPPED) == b""
    assert unpack(SKIPPED + frame + SKIPPED * 2 + frame + SKIPPED) == PLAIN * 2
    assert unpack(*pieces(SKIPPED * 2 + frame + SKIPPED, 1)) == PLAIN


# Cut off and damaged


@pytest.mark.parametrize("members", [1, 2])
def test_what_is_cut_off_anywhere_is_no_layer(packer: str, members: int) -> None:
    raw = PACKERS[packer](PLAIN)
    for end in range(MAGIC[packer], len(raw)):
        with pytest.raises(IntegrityError, match=r"layer 3 is (cut off|damaged): its "):
            unpack(raw * (members - 1) + raw[:end])
        with pytest.raises(IntegrityError, match=r"layer 3 is (cut off|damaged): its "):
            unpack(*pieces(raw * (members - 1) + raw[:end], 7))


def test_it_is_told_where_it_is_cut_off(packer: str) -> None:
    raw = PACKERS[packer](PLAIN)
    with pytest.raises(IntegrityError, match=rf"layer 3 is cut off: its {packer} has no end at byte {len(raw) - 1}$"):
        unpack(raw[:-1])


def test_a_frame_to_skip_that_is_cut_off() -> None:
    for end in range(4, len(SKIPPED)):
        with pytest.raises(IntegrityError, match="cut off: its zstd has no end"):
            unpack(SKIPPED[:end])


# Where a damaged bit means nothing: of a gzip's header the mark for text, the time, the level and the system, of zstd's
# one bit, of bzip2 those that fill the last byte.
UNREAD = {"gzip": {3, 4, 5, 6, 7, 8, 9}, "zstd": {4}, "bzip2": {-1}, "xz": set[int]()}


def test_a_damaged_byte_is_found_wherever_it_is(packer: str) -> None:
    raw = PACKERS[packer](PLAIN)
    for place in range(MAGIC[packer], len(raw)):
        for bit in range(8):
            damaged = bytearray(raw)
            damaged[place] ^= 1 << bit
            try:
                plain = unpack(bytes(damaged))
            except (IntegrityError, InvalidError) as error:
                # A damaged header may also say that it needs a lot of memory.
                assert isinstance(error, IntegrityError) or "max_window_bytes" in str(error)  # noqa: PT017 - or none
            else:
                assert plain == PLAIN
                assert {place, place - len(raw)} & UNREAD[packer]


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("rest", [b"x", b"garbage", b"\x1f", b"x" * 5000])
def test_nothing_else_may_follow(packer: str, rest: bytes, size: int) -> None:
    raw = PACKERS[packer](PLAIN)
    told = rf"layer 3 is damaged: its {packer} ends at byte {len(raw):,}, and something else follows"
    with pytest.raises(IntegrityError, match=told):
        unpack(*pieces(raw + rest, size))


@pytest.mark.parametrize("other", PACKERS)
def test_one_compression_does_not_follow_another(packer: str, other: str) -> None:
    raw = PACKERS[packer](PLAIN) + PACKERS[other](PLAIN)
    if packer == other:
        assert unpack(raw) == PLAIN * 2
        return
    with pytest.raises(IntegrityError, match=f"its {packer} ends at byte"):
        unpack(raw)


def test_zeros_behind_a_stream_of_xz_are_padding_in_fours() -> None:
    raw = PACKERS["xz"](PLAIN)
    assert unpack(raw + bytes(4)) == unpack(*pieces(raw + bytes(8000), 13)) == PLAIN
    assert unpack(raw + bytes(4) + raw + bytes(8)) == PLAIN * 2
    for rest in (bytes(3), bytes(4) + b"x", bytes(6) + raw):
        with pytest.raises(IntegrityError, match="something else follows"):
            unpack(raw + rest)


@pytest.mark.parametrize("packer", ["zstd", "bzip2"])
def test_others_have_no_padding(packer: str) -> None:
    with pytest.raises(IntegrityError, match="something else follows"):
        unpack(PACKERS[packer](PLAIN) + bytes(4))


def test_a_frame_that_wants_a_dictionary() -> None:
    known = zstd.ZstdDict(noise("a dictionary", 2000), is_raw=True)
    raw = bytearray(zstd.compress(PLAIN, zstd_dict=known))
    raw[4] |= 1  # it has the number of one
    raw[6:6] = b"\x07"
    with pytest.raises(IntegrityError, match="layer 3 is damaged: zstd says "):
        unpack(bytes(raw))


@examples
@given(raw=st.binary(min_size=1, max_size=300))
def test_noise_behind_a_magic_never_does_worse_than_an_error(packer: str, raw: bytes) -> None:
    beginning = PACKERS[packer](PLAIN)[: MAGIC[packer] + 4]
    with pytest.raises((IntegrityError, InvalidError)):
        unpack(beginning + raw + b"\xff" * 64)


@pytest.mark.parametrize("size", [1, 50, 10**6])
def test_whoever_hashes_on_the_way_has_seen_all(packer: str, size: int) -> None:
    raw = PACKERS[packer](PLAIN) * 2 + {"gzip": bytes(99), "zstd": SKIPPED}.get(packer, b"")
    hashed = hashlib.sha256()

    def on_the_way() -> Iterator[bytes]:
        for chunk in pieces(raw, size):
            hashed.update(chunk)
            yield chunk
            yield b""

    chunks = on_the_way()
    assert b"".join(decompressed(chunks, LIMITS, "layer 3")) == PLAIN * 2
    assert hashed.digest() == hashlib.sha256(raw).digest()
    assert next(chunks, None) is None


@pytest.mark.parametrize("kind", [OSError, ValueError, TransportError])
def test_what_goes_wrong_before_is_no_damage(packer: str, kind: type[Exception]) -> None:
    def broken() -> Iterator[bytes]:
        yield PACKERS[packer](PLAIN)[:50]
        raise kind("the disk is gone")

    with pytest.raises(kind, match="the disk is gone"):
        list(decompressed(broken(), LIMITS, "layer 3"))


@pytest.mark.parametrize("raw", [b"plain text", *(pack(b"") for pack in PACKERS.values())])
def test_a_stop_is_heard(raw: bytes) -> None:
    ended = list[bytes]()

    def endless() -> None:
        try:
            list(decompressed(map(_slowly, repeat(raw)), LIMITS, "layer 3"))
        finally:
            ended.append(raw)

    def fails() -> None:
        raise TransportError("the other one failed")

    tasks: Iterable[Callable[[], None]] = (endless, fails)
    with pytest.raises(TransportError, match="the other one failed"):
        run_all(lambda task: task(), tasks, workers=2)
    assert ended == [raw]


def _slowly(chunk: bytes) -> bytes:
    time.sleep(0.001)
    return chunk
