"""Whatever something was compressed by, and in how many parts: all of it comes out, within limits, or an error."""

from __future__ import annotations

import gzip
import lzma
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import repeat

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ocinb._pool import run_all
from ocinb._settings import MIB
from ocinb.archive import compression
from ocinb.archive.compression import Limits, compression_of, decompressed
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.samples.tars import noise
from tests.archive.packers import LIMITS, MAGIC, PACKERS, PLAIN, examples, pieces, unpack

if sys.version_info >= (3, 14):
    pass
else:
    pass


@examples
@given(
    parts=st.lists(st.binary(max_size=2000) | st.integers(0, 20_000).map(bytes), max_size=4),
    size=st.integers(1, 3000),
)
def test_all_members_come_out_in_whatever_pieces_they_come(packer: str, parts: list[bytes], size: int) -> None:
    raw = b"".join(PACKERS[packer](part) for part in parts)
    assert unpack(*pieces(raw, size)) == b"".join(parts)


@cache
def large(packer: str) -> tuple[bytes, bytes]:
    """Pack some megabytes in one piece, and the first of them once more in small ones; give them bare and packed."""
    plain = noise("a large file", MIB) + bytes(9 * MIB) + noise("another", MIB)
    return plain, b"".join(map(PACKERS[packer], [plain, *pieces(plain[:MIB], 100_000)]))


# Cut off and damaged


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


@examples
@given(raw=st.binary(min_size=1, max_size=300))
def test_noise_behind_a_magic_never_does_worse_than_an_error(packer: str, raw: bytes) -> None:
    beginning = PACKERS[packer](PLAIN)[: MAGIC[packer] + 4]
    with pytest.raises((IntegrityError, InvalidError)):
        unpack(beginning + raw + b"\xff" * 64)


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


@pytest.mark.usefixtures("inflater")
@examples
@given(
    parts=st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    level=st.integers(0, 9),
    place=st.integers(0, 2000),
    damage=st.binary(max_size=3),
    cut=st.booleans(),
)
def test_a_damaged_gzip_is_what_the_standard_library_says(
    parts: list[bytes], level: int, place: int, damage: bytes, *, cut: bool
) -> None:
    raw = b"".join(gzip.compress(part, level) for part in parts)
    raw = raw[:place] + damage + (b"" if cut else raw[place + len(damage) :])
    assume(compression_of(raw) == "gzip")
    try:
        expected = by_the_standard_library(raw)
    except (EOFError, zlib.error):
        with pytest.raises(IntegrityError):
            unpack(raw)
    else:
        assert unpack(raw) == expected


def by_the_standard_library(raw: bytes) -> bytes:
    """Read a gzip all at once; gzip.decompress would not mind a mark that nobody knows, nor the sum of a header."""
    plain = b""
    while raw:
        member = zlib.decompressobj(31)
        plain += member.decompress(raw)
        if not member.eof:
            raise EOFError
        raw = member.unused_data if member.unused_data.strip(b"\0") else b""
    return plain


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("zeros", [1, 7, 8, 511, 9000])
def test_zeros_behind_a_gzip_are_padding(zeros: int, size: int) -> None:
    assert unpack(*pieces(PACKERS["gzip"](PLAIN) + bytes(zeros), size)) == PLAIN


def skipped(content: bytes, mark: int = 0x50) -> bytes:
    """Give a frame of zstd that is to be passed over (RFC 8878, 3.1.2)."""
    return bytes([mark]) + b"\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


def test_frames_to_skip_count_as_parts_without_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MOST_EMPTY_MEMBERS", 5)
    some = PACKERS["zstd"](b"some")
    assert unpack((skipped(b"a TOC") + some) * 20 + skipped(b"")) == b"some" * 20
    with pytest.raises(InvalidError, match="MOST_EMPTY_MEMBERS = 5"):
        unpack(some + skipped(b"") * 7)


@pytest.mark.parametrize("length", [4, 7, 8, 12])
def test_a_frame_to_skip_that_is_cut_off(length: int) -> None:
    some = PACKERS["zstd"](PLAIN)
    with pytest.raises(IntegrityError, match=f"layer 3 is cut off: its zstd has no end at byte {len(some) + length:,}"):
        unpack(some + skipped(b"a TOC")[:length])


def test_a_dictionary_of_xz_has_a_limit() -> None:
    raw = lzma.compress(PLAIN, preset=9)
    assert unpack(raw) == PLAIN
    for few in (0, MIB):
        with pytest.raises(
            InvalidError, match=rf"layer 3 needs more memory .* by xz than max_window_bytes = {few:,}\."
        ):
            unpack(raw, limits=Limits(10**6, 1, few))
