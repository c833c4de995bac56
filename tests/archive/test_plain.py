"""What is read at one look is what the scanner would have read step by step; all else is left to it."""

from __future__ import annotations

import hashlib
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.tar_fast_path import Row, read_plain
from tests.archive.tars import FIELDS, Member, block, entry, members, scan, summed, written

SECOND = entry(b"second", b"content", mtime=b"00000000001\0")


def read(raw: bytes, at: int = 0, *, begin: int = 0, position: int = 0, most: int = 100) -> tuple[list[Row], int]:
    return read_plain(memoryview(raw), at, begin, position, most)


def stepwise(raw: bytes) -> list[Row]:
    """Let the scanner read it with no header in one piece."""
    found = scan(raw, range(100, len(raw), 300))
    columns = (found.position, found.path, found.type, found.size_bytes, found.mode, found.uid, found.gid, found.mtime)
    return list(zip(*columns, found.link_target, found.sha256, found.offset, strict=True))


def test_entries_one_behind_the_other() -> None:
    raw = entry(b"./etc//motd", b"hello", mode=b"0100755\0") + block(b"etc/", b"5") + block(b"l", b"2", link=b"./to")
    digest = hashlib.sha256(b"hello").digest()
    assert read(bytes(512) + raw, 512, begin=10_240, position=7) == (
        [
            (7, "etc/motd", "file", 5, 0o755, 0, 0, 0, None, digest, 10_240 + 1024),
            (8, "etc", "directory", 0, 0o644, 0, 0, 0, None, None, None),
            (9, "l", "symlink", 0, 0o644, 0, 0, 0, "./to", None, None),
        ],
        512 + len(raw),
    )


@given(st.lists(members(plain=True), max_size=8))
def test_plain_entries_are_all_read(wanted: list[Member]) -> None:
    raw = written(wanted, tarfile.USTAR_FORMAT)
    rows, at = read(raw)
    assert len(rows) == len(wanted)
    assert rows == stepwise(raw)
    assert raw[at : at + 512] == bytes(512)


@given(
    st.lists(members(), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), max_size=3),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]),
)
def test_what_is_taken_is_read_as_the_scanner_reads_it(
    wanted: list[Member], changes: list[tuple[int, int]], form: int
) -> None:
    try:
        raw = bytearray(written(wanted, form))
    except ValueError:  # ustar has no room for it
        raw = bytearray(written(wanted, tarfile.GNU_FORMAT))
    for place, value in changes:
        raw[place] = value
    raw[:512] = summed(raw[:512])
    rows, at = read(bytes(raw))
    assert rows == stepwise(bytes(raw[:at]))


@pytest.mark.parametrize(
    "header",
    [
        bytes(512),
        b"x" * 512,
        summed(block(b"a"))[:148] + b"000001\0 " + block(b"a")[156:],
        block(b"a")[:-1] + b"\1",
        block(b"a/"),
        *(block(b"a", bytes([kind])) for kind in b"xgLKXSDVMNZ"),
        block(b"a", size=b"-1\0"),
        block(b"a", size=b"0000000001_\0"),
        block(b"a", size=b"00000000009\0"),
        block(b"a", b"5", size=b"\xff" * 12),
        block(b"a", mode=b"0o644\0\0\0"),
        block(b"a", uid=b"1_0\0\0\0\0\0"),
        block(b"a", mtime=b"\x80" + b"\xff" * 11),
        block(b"a", size=1000),
        block(b"a")[:511],
        b"",
    ],
)
def test_what_is_not_plain_is_left(header: bytes) -> None:
    rows, at = read(SECOND + header)
    assert len(rows) == 1
    assert at == len(SECOND)


@pytest.mark.parametrize("magic", [b"ustar\x0000", b"ustar  \0", bytes(8)])
@pytest.mark.parametrize(
    "rest", [b"usr/share/doc", b"14524432112\x0014524432112\0", "é".encode(), b"p" * 163 + b"tar\0"]
)
def test_prefixes_are_read_as_the_scanner_reads_them(magic: bytes, rest: bytes) -> None:
    raw = entry(b"f", b"x", magic=magic, rest=rest)
    rows, at = read(raw)
    assert (len(rows), at) == (1, len(raw))
    assert rows == stepwise(raw)


def test_a_file_without_the_zeros_behind_it_is_left() -> None:
    assert read(SECOND[:-1]) == ([], 0)


def test_a_checksum_that_wraps_around_is_wrong() -> None:
    """Adler-32 adds modulo 65,521, the header of a tar does not."""
    raw = bytearray(block(b"a"))
    begin, length = FIELDS["rest"]
    raw[begin + 155 : begin + length] = b"\xff" * (length - 155)
    raw[265:345] = b"\xff" * 80
    right = int(summed(raw)[148:154], 8)
    for said, count in ((right, 1), (right + 65_521, 0), (right - 65_521, 0)):
        raw[148:156] = b"%06o\0 " % (said % 8**6)
        assert len(read(bytes(raw))[0]) == count


def test_entries_beyond_the_limit_are_left() -> None:
    assert len(read(SECOND * 5, most=3)[0]) == 3
    assert read(SECOND * 5, position=3, most=3) == ([], 0)
