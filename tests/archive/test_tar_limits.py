"""A tar cannot ask for more than the settings allow, nor for time or memory that it does not pay for in bytes."""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import replace

import pytest

from ocinb.archive.tar import Scanner, TarLimits
from ocinb.errors import IntegrityError, InvalidError
from tests.archive.tars import LIMITS, block, content, entry, pax, record, scan
from tests.archive.test_sparse import FORMS, RUNS, SIZE, STORED, Form, old, written

FEW = replace(LIMITS, header_bytes=4096, entries=10, content_bytes=100_000)


def test_empty_entries_need_no_memory() -> None:
    thousand = block(b"a") * 1000
    scanner = Scanner(replace(LIMITS, entries=10_000), "the layer")
    tracemalloc.start()
    for _ in range(10):
        scanner.feed(thousand)
        assert len(scanner.take()) == 1000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    with pytest.raises(InvalidError, match="the layer has more entries than max_tar_entries = 10,000"):
        scanner.feed(thousand)


def test_as_many_entries_as_are_allowed() -> None:
    assert len(scan(block(b"a") * 10, limits=FEW)) == 10
    with pytest.raises(InvalidError, match="max_tar_entries = 10"):
        scan(block(b"a") * 11, limits=FEW)


def test_a_path_of_many_steps() -> None:
    path = b"a/" * 100_000 + b"f"
    assert scan(pax((b"path", b"./" + path)) + entry(b"f")).path == [path.decode()]
    assert scan(entry(b"././@LongLink", path + b"\0", b"L") + entry(b"f")).path == [path.decode()]


@pytest.mark.parametrize("kind", [b"x", b"g", b"X", b"L", b"K"])
@pytest.mark.parametrize("size", [b"%011o\0" % 100_000_000, b"\x80" + bytes(6) + b"\xff" * 5])
def test_a_header_of_100_mb_is_refused_before_it_comes(kind: bytes, size: bytes) -> None:
    with pytest.raises(InvalidError, match=r"the entry at byte 0 of the layer has headers of .* max_tar_header_bytes"):
        scan(block(b"it", kind, size))


@pytest.mark.parametrize("kind", [b"x", b"g", b"L"])
def test_headers_of_one_entry_count_together(kind: bytes) -> None:
    part = entry(b"it", record(b"comment", b"x" * 1000), kind)
    assert len(scan((part * 2 + block(b"a")) * 5, limits=FEW)) == 5
    with pytest.raises(InvalidError, match="more than max_tar_header_bytes = 4,096"):
        scan(part * 3, limits=FEW)


def test_a_map_of_holes_without_end() -> None:
    goes_on = b"\1" * 504 + b"\1" + bytes(7)
    header = old([(0, 0)] * 5, b"", 1000)[:512]
    with pytest.raises(InvalidError, match="max_tar_header_bytes"):
        scan(header + (b"00000000000\x0000000000000\0" * 21 + goes_on[504:]) * 100, limits=FEW)
    with pytest.raises(InvalidError, match="max_tar_header_bytes"):
        scan(written([(0, 0)] * 3000, b"", 1000), limits=FEW)


@pytest.mark.parametrize("form", [old, written])
@pytest.mark.parametrize("size", [2**33 - 1, 200_000])
def test_holes_are_not_read_past_the_limit(form: Form, size: int) -> None:
    with pytest.raises(InvalidError, match=r"the layer has sparse files of .* max_unpacked_bytes = 100,000"):
        scan(form([(0, 0)], b"", size), limits=FEW)


def test_holes_of_all_files_count_together() -> None:
    raw = old([(0, 0)], b"", 40_000)
    assert len(scan(raw * 2, limits=FEW)) == 2
    with pytest.raises(InvalidError, match="sparse files of 120,000 bytes"):
        scan(raw * 3, limits=FEW)


@pytest.mark.parametrize("form", FORMS)
def test_holes_have_a_limit_of_their_own(form: Form) -> None:
    """They are hashed, and what a tar claims costs it nothing."""
    limits = replace(LIMITS, hole_bytes=SIZE - len(STORED))
    assert len(scan(form(RUNS, STORED, SIZE), limits=limits)) == 1
    with pytest.raises(InvalidError, match=r"sparse files with 4,389 bytes of holes.* max_hole_bytes = 4"):
        scan(form(RUNS, STORED, SIZE + 1), limits=limits)
    with pytest.raises(InvalidError, match="with 8,776 bytes of holes, more than max_hole_bytes = 4,388"):
        scan(form(RUNS, STORED, SIZE) * 2, limits=limits)


def test_stored_bytes_of_a_sparse_file_are_no_holes() -> None:
    limits = replace(LIMITS, hole_bytes=0)
    assert scan(old([(0, 512), (512, 100)], STORED, 612) * 5, limits=limits).size_bytes == [612] * 5


def test_holes_of_what_nobody_wants_cost_nothing() -> None:
    limits = TarLimits(10, 4096, 64 * 1024**3)
    raw = written([(0, 0)], b"", 60 * 1024**3) + entry(b"b", b"wanted")
    assert content(raw, 1, limits) == b"wanted"


def test_terabytes_of_nothing() -> None:
    limits = TarLimits(10, 4096, 64 * 1024**3)
    size = (b"GNU.sparse.size", b"%d" % 10**13)
    with pytest.raises(InvalidError, match="sparse files of 10,000,000,000,000 bytes"):
        content(pax(size, (b"GNU.sparse.numblocks", b"0")) + entry(b"a"), 0, limits)


def test_a_large_file_needs_no_memory() -> None:
    piece = bytes(1024 * 1024)
    scanner, digest = Scanner(LIMITS, "the layer"), hashlib.sha256()
    scanner.feed(block(b"large", b"0", 200 * len(piece)))
    tracemalloc.start()
    for _ in range(200):
        scanner.feed(piece)
        digest.update(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    assert scanner.take().sha256 == [digest.digest()]


def test_a_million_records_are_read_once_over() -> None:
    body = record(b"path", b"a") * 90_000
    assert scan(entry(b"it", body, b"x") + entry(b"b")).path == ["a"]


def test_global_records_do_not_grow() -> None:
    part = entry(b"it", record(b"comment", b"x" * 3000), b"g") + block(b"a")
    scanner = Scanner(replace(FEW, entries=10_000), "the layer")
    scanner.feed(part)
    tracemalloc.start()
    for _ in range(500):
        scanner.feed(part)
        scanner.take()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000


def test_nothing_is_believed_of_a_damaged_tar() -> None:
    scanner = Scanner(LIMITS, "the layer")
    with pytest.raises(IntegrityError):
        scanner.feed(block(b"a") + b"x" * 512)
    assert len(scanner.take()) == 0
