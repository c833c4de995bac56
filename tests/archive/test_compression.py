"""Whatever something was compressed by, and in how many parts: all of it comes out, within limits, or an error."""

from __future__ import annotations

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
from ocinb.archive.compression import decompressed
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
