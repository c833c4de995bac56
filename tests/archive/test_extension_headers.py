"""Tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive import extension_headers
from ocinb.archive.extension_headers import Ahead, Attributes, SparseRecords, microseconds, records
from ocinb.archive.tar_headers import Header, MalformedError, header_of
from tests.archive.tars import block, record

_KEYS = st.binary(min_size=1, max_size=20).filter(lambda key: b"=" not in key)


def read(*said: tuple[bytes, bytes]) -> Attributes:
    return Attributes().read(b"".join(record(name, value) for name, value in said))


@given(st.lists(st.tuples(_KEYS, st.binary(max_size=120))))
def test_records_are_read_as_they_are_written(said: list[tuple[bytes, bytes]]) -> None:
    assert list(records(b"".join(record(name, value) for name, value in said))) == said


@given(st.binary(max_size=60) | st.lists(st.sampled_from([*b"0123456789 =\n\0a"]), max_size=30).map(bytes))
def test_anything_is_records_or_malformed(raw: bytes) -> None:
    with suppress(MalformedError):
        found = list(records(raw))
        assert b"".join(record(name, value) for name, value in found).strip(b"\0") or not found


@given(st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, places=8))
def test_times_are_cut_towards_the_past(seconds: Decimal) -> None:
    wanted = (seconds * 10**6).to_integral_value(ROUND_FLOOR)
    assert microseconds(f"{seconds:f}".encode()) == wanted


def applied(ahead: Ahead) -> tuple[Header, SparseRecords | None]:
    header = header_of(block(b"short", b"2", 5, link=b"target"))
    assert header is not None
    sparse = ahead.apply(header)
    return header, sparse


def test_long_names_hold_for_one_entry() -> None:
    ahead = Ahead()
    ahead.add(b"L", b"long name\0and what stands behind")
    ahead.add(b"K", b"long target\0")
    assert (applied(ahead)[0].name, applied(ahead)[0].link) == (b"long name", b"target")


@pytest.mark.parametrize("kinds", ["LKx", "xLK", "KxL", "gLK", "LKg"])
def test_long_names_win_over_pax(kinds: str) -> None:
    """So it is in Go, bsdtar and tarfile; in GNU tar pax wins."""
    ahead = Ahead()
    for kind in kinds:
        said = record(b"path", b"pax") + record(b"linkpath", b"pax")
        ahead.add(kind.encode(), b"gnu\0" if kind in "LK" else said)
    header, _ = applied(ahead)
    assert (header.name, header.link) == (b"gnu", b"gnu")


def test_records_are_read_twice_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    read, records = list[int](), extension_headers.records

    def reading(body: bytes) -> Iterator[tuple[bytes, bytes]]:
        read.append(len(body))
        return records(body)

    monkeypatch.setattr(extension_headers, "records", reading)
    body, ahead = record(b"uid", b"1") * 1000, Ahead()
    ahead.add(b"x", body)
    for _ in range(200):
        ahead.add(b"g", b"")
    assert applied(ahead)[0].uid == 1
    assert sum(read) == 2 * len(body)


def test_a_global_header_before_records_leaves_them_as_they_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = Ahead()
    ahead.add(b"g", record(b"gid", b"8"))
    ahead.add(b"x", record(b"uid", b"1"))
    monkeypatch.setattr(extension_headers, "records", None)  # nobody reads again
    header, _ = applied(ahead)
    assert (header.uid, header.gid) == (1, 8)


def test_of_two_headers_the_last_counts_alone() -> None:
    ahead = Ahead()
    ahead.add(b"x", record(b"path", b"first"))
    ahead.add(b"X", record(b"linkpath", b"second"))
    header, _ = applied(ahead)
    assert (header.name, header.link) == (b"short", b"second")


def test_global_records_hold_until_others_come() -> None:
    ahead = Ahead()
    ahead.add(b"g", record(b"uid", b"7") + record(b"gid", b"8"))
    ahead.add(b"g", record(b"uid", b"9"))
    for _ in range(2):
        header, _sparse = applied(ahead)
        assert (header.uid, header.gid, header.name) == (9, 8, b"short")
    ahead.add(b"x", record(b"uid", b"") + record(b"gid", b"1"))
    assert (applied(ahead)[0].uid, applied(ahead)[0].uid) == (0, 9)
    ahead.add(b"g", record(b"uid", b""))
    assert (applied(ahead)[0].uid, applied(ahead)[0].gid) == (0, 8)


def test_global_records_hold_from_where_they_stand() -> None:
    ahead = Ahead()
    ahead.add(b"x", record(b"uid", b"1"))
    ahead.add(b"L", b"long")
    ahead.add(b"g", record(b"uid", b"7") + record(b"gid", b"8"))
    header, _ = applied(ahead)
    assert (header.uid, header.gid, header.name) == (1, 8, b"long")


def test_empty_names_are_none() -> None:
    ahead = Ahead()
    ahead.add(b"L", b"")
    ahead.add(b"K", b"\0")
    ahead.add(b"x", record(b"path", b"") + record(b"linkpath", b""))
    header, _ = applied(ahead)
    assert (header.name, header.link) == (b"short", b"target")


def test_numbers_replace_those_of_the_header() -> None:
    ahead = Ahead()
    ahead.add(b"x", record(b"size", b"0") + record(b"mtime", b"-0.5") + record(b"uid", b"0"))
    header, _ = applied(ahead)
    assert (header.size, header.mtime, header.uid) == (0, -500_000, 0)


def test_holes_bring_their_own_name() -> None:
    ahead = Ahead()
    ahead.add(
        b"x", record(b"GNU.sparse.name", b"real") + record(b"path", b"made up") + record(b"GNU.sparse.major", b"1")
    )
    header, sparse = applied(ahead)
    assert sparse is not None
    assert (header.name, sparse.major) == (b"real", 1)


def test_the_name_of_holes_wins_over_all() -> None:
    ahead = Ahead()
    ahead.add(b"x", record(b"GNU.sparse.name", b"real") + record(b"GNU.sparse.map", b"0,1"))
    ahead.add(b"L", b"long")
    assert applied(ahead)[0].name == b"real"


def test_holes_are_of_one_file() -> None:
    ahead = Ahead()
    ahead.add(b"g", record(b"GNU.sparse.map", b"0,1") + record(b"GNU.sparse.numblocks", b"1"))
    assert applied(ahead)[1] is None


def test_a_size_and_a_count_make_no_holes() -> None:
    ahead = Ahead()
    said = record(b"GNU.sparse.size", b"99") + record(b"GNU.sparse.numblocks", b"0")
    ahead.add(b"x", said + record(b"GNU.sparse.name", b"real"))
    header, sparse = applied(ahead)
    assert (sparse, header.name) == (None, b"short")


def test_what_is_malformed_is_refused_at_once() -> None:
    with pytest.raises(MalformedError):
        Ahead().add(b"g", b"x")
