"""A gzip in all its forms, by either library, as the standard library reads it."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from isal import igzip_lib

from ocinb._settings import MIB
from ocinb.archive import compression
from ocinb.archive.compression import compression_of
from ocinb.errors import IntegrityError
from ocinb.samples.tars import noise
from tests.archive.packers import PACKERS, PLAIN, examples, pieces, unpack


def with_fields(flags: int) -> bytes:
    raw = PACKERS["gzip"](PLAIN)
    header = raw[:3] + bytes([flags]) + raw[4:10]
    header += b"\x04\x00SGsp" if flags & 4 else b""
    header += b"layer.tar\0" if flags & 8 else b""
    header += b"a comment\0" if flags & 16 else b""
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") if flags & 2 else b""
    return header + raw[10:]


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("flags", range(32))
def test_a_gzip_may_say_more_of_itself(flags: int) -> None:
    raw = with_fields(flags)
    assert unpack(raw * 2) == PLAIN * 2
    assert unpack(*pieces(raw * 2, 1)) == unpack(*pieces(raw * 2, 11)) == PLAIN * 2
    with pytest.raises(IntegrityError):
        unpack(raw[:20])


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("flags", [0x20, 0x40, 0x80])
def test_a_gzip_with_marks_that_nobody_knows(flags: int) -> None:
    with pytest.raises(IntegrityError, match=r"layer 3 is damaged: gzip says .*flags"):
        unpack(with_fields(flags))


def test_a_plain_header_reaches_isal_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    first = list[bytes]()

    class Library:
        """ISA-L, with one who listens."""

        DECOMP_GZIP, IsalError = igzip_lib.DECOMP_GZIP, igzip_lib.IsalError

        def __init__(self, flag: int) -> None:
            self._inner = igzip_lib.IgzipDecompressor(flag)
            self._fed = 0

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        def decompress(self, data: bytes, /, max_length: int) -> bytes:
            if not self._fed:
                first.append(bytes(data))
            self._fed += 1
            return self._inner.decompress(data, max_length)

        IgzipDecompressor: type[Library]

    Library.IgzipDecompressor = Library
    monkeypatch.setattr(compression, "igzip_lib", Library)
    raw, named = PACKERS["gzip"](PLAIN), with_fields(8)
    long_named = named.replace(b"layer.tar", b"layer.tar" * 100)
    assert unpack(*pieces(raw + named + long_named + raw + with_fields(24), 3)) == PLAIN * 5
    headers = [raw[:10], named[:20], raw[:10]]
    assert [fed[: len(header)] for fed, header in zip(first, headers, strict=True)] == headers


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
@pytest.mark.parametrize("place", [-1, -8])
def test_the_sums_at_the_end_of_a_gzip_are_checked(place: int) -> None:
    raw = bytearray(PACKERS["gzip"](PLAIN))
    raw[place] ^= 1
    with pytest.raises(IntegrityError, match=r"layer 3 is damaged: gzip says .*(check|sum)"):
        unpack(bytes(raw))


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("zeros", [1, 7, 8, 511, 9000])
def test_zeros_behind_a_gzip_are_padding(zeros: int, size: int) -> None:
    assert unpack(*pieces(PACKERS["gzip"](PLAIN) + bytes(zeros), size)) == PLAIN


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("zeros", [1, 7, 8, 9000])
@pytest.mark.parametrize("rest", [b"x", PACKERS["gzip"](PLAIN)])
def test_nothing_follows_the_padding_of_a_gzip(zeros: int, rest: bytes) -> None:
    raw = PACKERS["gzip"](PLAIN)
    with pytest.raises(IntegrityError, match=f"its gzip ends at byte {len(raw)}, and"):
        unpack(raw + bytes(zeros) + rest)


@pytest.mark.parametrize("inflater", ["zlib"], indirect=True)
@pytest.mark.usefixtures("inflater")
def test_what_waits_is_not_copied_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    copied, fed = list[int](), list[int]()

    class Counting(compression._Inflater):
        @property
        def unused_data(self) -> bytes:
            unused = super().unused_data
            copied.append(len(unused))
            return unused

        def decompress(self, data: bytes | memoryview, /, max_length: int) -> bytes:
            fed.append(len(data))
            return super().decompress(data, max_length)

    monkeypatch.setattr(compression, "_Inflater", Counting)
    small = PACKERS["gzip"](b"small") * 10_000
    assert unpack(small) == b"small" * 10_000
    assert max(copied) <= 2 * compression.FIRST_PIECE < len(small) // 4
    large = PACKERS["gzip"](noise("large", 3 * MIB))
    assert len(unpack(large)) == 3 * MIB
    assert max(fed) == compression.LARGEST_PIECE < len(large)


def test_without_isal_the_standard_library_does_it() -> None:
    program = (
        "import gzip, sys; sys.modules['isal'] = None\n"
        "from ocinb.archive import compression\n"
        "limits = compression.Limits(10**6, 200, 10**8)\n"
        "print(compression.igzip_lib, b''.join(compression.decompressed([gzip.compress(b'hello')], limits, 'x')))\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "None b'hello'\n"
