"""A gzip in all its forms, by either library, as the standard library reads it."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ocinb.archive.compression import compression_of
from ocinb.errors import IntegrityError
from tests.archive.packers import PACKERS, PLAIN, examples, pieces, unpack


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
