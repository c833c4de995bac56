"""What is read at one look is what the scanner would have read step by step; all else is left to it."""

from __future__ import annotations

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.tar_fast_path import Row, read_plain
from tests.archive.tars import Member, entry, members, scan, summed, written


def read(raw: bytes, at: int = 0, *, begin: int = 0, position: int = 0, most: int = 100) -> tuple[list[Row], int]:
    return read_plain(memoryview(raw), at, begin, position, most)


def stepwise(raw: bytes) -> list[Row]:
    """Let the scanner read it with no header in one piece."""
    found = scan(raw, range(100, len(raw), 300))
    columns = (found.position, found.path, found.type, found.size_bytes, found.mode, found.uid, found.gid, found.mtime)
    return list(zip(*columns, found.link_target, found.sha256, found.offset, strict=True))


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


@pytest.mark.parametrize("magic", [b"ustar\x0000", b"ustar  \0", bytes(8)])
@pytest.mark.parametrize(
    "rest", [b"usr/share/doc", b"14524432112\x0014524432112\0", "é".encode(), b"p" * 163 + b"tar\0"]
)
def test_prefixes_are_read_as_the_scanner_reads_them(magic: bytes, rest: bytes) -> None:
    raw = entry(b"f", b"x", magic=magic, rest=rest)
    rows, at = read(raw)
    assert (len(rows), at) == (1, len(raw))
    assert rows == stepwise(raw)
