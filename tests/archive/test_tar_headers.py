"""Tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.tar_headers import clean_path, header_of, number, sum_of
from tests.archive.tars import block


@given(st.binary(min_size=512, max_size=512))
def test_a_sum_is_that_of_all_bytes_but_its_own(raw: bytes) -> None:
    assert sum_of(raw) == sum(raw[:148]) + sum(raw[156:]) + 8 * 32


@pytest.mark.parametrize("recorded", ["%06o\0 ", "%7o ", "%07o\0", " %o\0\0", "%08o"])
def test_a_sum_may_be_written_in_many_ways(recorded: str) -> None:
    raw = bytearray(block(b"a"))
    text = recorded % int(raw[148:154], 8)
    raw[148:156] = text.encode().ljust(8, b"\0")
    assert header_of(bytes(raw)) is not None


@given(st.integers(-(2**62), 2**62))
def test_base_256_is_read_as_it_is_written(value: int) -> None:
    raw = bytearray(value.to_bytes(12, "big", signed=True))
    raw[0] |= 0x80
    assert number(bytes(raw)) == value


@given(st.lists(st.sampled_from([b"/", b".", b"..", b"a", b"./", b"//"])).map(b"".join))
def test_a_clean_path_has_steps_only(raw: bytes) -> None:
    clean = clean_path(raw)
    assert clean.split(b"/") == [step for step in raw.split(b"/") if step not in {b"", b"."}] or not clean
    assert clean_path(clean) == clean


@pytest.mark.parametrize(
    ("magic", "prefix", "name"),
    [
        (b"ustar\x0000", b"usr", b"usr/a"),
        (b"ustar\0  ", b"usr", b"usr/a"),
        (bytes(8), b"usr", b"a"),
        (b"ustar  \0", b"", b"a"),
        # Two times of GNU tar, or what Go before 1.8 wrote there.
        (b"ustar  \0", b"14524432112\x0014524432112\0", b"a"),
        (b"ustar  \0", b"14524432112 14524432112 ", b"a"),
        (b"ustar  \0", bytes(12) + b"14524432112\0", b"a"),
        (b"ustar  \0", b"14524432112\0", b"a"),
        (b"ustar  \0", b"14524432112\0" + b"\0junk", b"a"),
        (b"ustar  \0", b"\x80" + bytes(7) + b"\1\1\1\1", b"a"),
        (b"ustar  \0", b"\xff" * 24, b"a"),
        (b"ustar  \0", b"1234567", b"a"),
        (b"ustar  \0", b"12345678", b"12345678/a"),
        (b"ustar  \0", b"12 34", b"12 34/a"),
        (b"ustar  \0", b"usr/share/doc/package", b"usr/share/doc/package/a"),
        (b"ustar  \0", b"usr", b"usr/a"),
        (b"ustar  \0", b"123456701234/usr", b"123456701234/usr/a"),
        (b"ustar  \0", "usr/é".encode(), b"a"),
        (b"ustar  \0", b"\x80" + b"\xff" * 11, b"a"),
    ],
)
def test_who_has_a_prefix(magic: bytes, prefix: bytes, name: bytes) -> None:
    header = header_of(block(b"a", magic=magic, prefix=prefix))
    assert header is not None
    assert header.name == name
