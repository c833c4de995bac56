from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.tar_headers import MalformedError, check_sum, clean_path, header_of, number, size_of, sum_of
from tests.archive.tars import block


@given(st.binary(min_size=512, max_size=512))
def test_a_sum_is_that_of_all_bytes_but_its_own(raw: bytes) -> None:
    assert sum_of(raw) == sum(raw[:148]) + sum(raw[156:]) + 8 * 32


def test_a_sum_of_the_largest_bytes_is_exact() -> None:
    assert sum_of(b"\xff" * 512) == 504 * 255 + 256


def test_both_sums_are_good_and_no_other() -> None:
    raw = b"\xff\x80" + bytes(510)
    for good in (255 + 128 + 256, -1 - 128 + 256):
        check_sum(raw, b"%06o\0 " % good)
    with pytest.raises(MalformedError, match="checksum"):
        check_sum(raw, b"%06o\0 " % (255 + 128 + 257))


@pytest.mark.parametrize("recorded", ["%06o\0 ", "%7o ", "%07o\0", " %o\0\0", "%08o"])
def test_a_sum_may_be_written_in_many_ways(recorded: str) -> None:
    raw = bytearray(block(b"a"))
    text = recorded % int(raw[148:154], 8)
    raw[148:156] = text.encode().ljust(8, b"\0")
    assert header_of(bytes(raw)) is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"    644 ", 0o644),
        (b"\0000644\0\0", 0o644),
        (b"77777777", 0o77777777),
        (b"        ", 0),
        (bytes(8), 0),
        (b"12 34\0\0\0", 0o12),
        (b"644\0junk", 0o644),
        (b"\x80" + b"\xff" * 7, 2**56 - 1),
        (b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7, 2**63 - 1),
        (b"\xff" * 12, -1),
        (b"\xff" * 11 + b"\x00", -256),
        (b"\xff" * 4 + b"\x80" + bytes(6) + b"\1", 1 - 2**63),
    ],
)
def test_numbers_as_they_are_written(field: bytes, value: int) -> None:
    assert number(field) == value


@pytest.mark.parametrize(
    "field",
    [
        b"0000648\0",
        b"0o644\0\0\0",
        b"1_0\0\0\0\0\0",
        b"+644\0\0\0\0",
        b"-644\0\0\0\0",
        b"abc\0\0\0\0\0",
        b"644x\0\0\0\0",
    ],
)
def test_what_is_no_number(field: bytes) -> None:
    with pytest.raises(MalformedError, match="is no number"):
        number(field)


@pytest.mark.parametrize("field", [b"\x80" + bytes(2) + b"\1" + bytes(8), b"\x80" + b"\xff" * 11, b"\xc0" + bytes(11)])
def test_numbers_that_no_reader_holds(field: bytes) -> None:
    with pytest.raises(MalformedError, match="too large"):
        number(field)


def test_a_size_is_never_negative() -> None:
    with pytest.raises(MalformedError, match="size of -1 bytes"):
        size_of(b"\xff" * 12)


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


def test_the_prefix_of_star_is_shorter() -> None:
    """Two times follow it, and its mark stands at the end of the header."""
    rest = (b"p" * 131 + b"00000000001 00000000002 ").ljust(163, b"\0")
    for mark, length in ((b"tar\0", 131), (b"tar ", 155)):
        header = header_of(block(b"a", rest=rest + mark))
        assert header is not None
        assert header.name == rest[:length] + b"/a"


def test_names_fill_their_fields() -> None:
    header = header_of(block(b"n" * 100, b"2", link=b"l" * 100, prefix=b"p" * 155))
    assert header is not None
    assert (header.name, header.link) == (b"p" * 155 + b"/" + b"n" * 100, b"l" * 100)


def test_names_end_with_a_zero() -> None:
    header = header_of(block(b"a\0b", b"2", link=b"c\0d"))
    assert header is not None
    assert (header.name, header.link) == (b"a", b"c")


def test_zeros_are_the_end() -> None:
    assert header_of(bytes(512)) is None
