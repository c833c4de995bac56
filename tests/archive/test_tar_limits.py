"""A tar cannot ask for more than the settings allow, nor for time or memory that it does not pay for in bytes."""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import replace

import pytest

from ocinb._pool import StoppedError
from ocinb.archive import tar
from ocinb.archive.limits import TarLimits
from ocinb.archive.tar import Scanner
from ocinb.errors import IntegrityError, InvalidError
from tests.archive.tars import LIMITS, block, content, entry, pax, record, scan
from tests.archive.test_sparse import FORMS, RUNS, SIZE, STORED, Form, old, written

NEXT = entry(b"next", b"abc")
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


@pytest.mark.parametrize("label", [block(b"v", b"V"), entry(b"v", b"x" * 600, b"V")])
def test_labels_count_though_they_are_no_entries(label: bytes) -> None:
    assert scan(label * 5 + block(b"a") * 5, limits=FEW).position == [0, 1, 2, 3, 4]
    for raw in (label * 11, label * 5 + block(b"a") * 6, block(b"a") * 5 + label * 6):
        with pytest.raises(InvalidError, match="max_tar_entries = 10"):
            scan(raw, limits=FEW)


LONG = {
    "a plain path": entry(b"n" * 100),
    "a plain target": block(b"l", b"2", link=b"t" * 99),
    "a path by pax": pax((b"path", b"n" * 100)) + entry(b"f"),
    "a path by GNU tar": entry(b"././@LongLink", b"n" * 100, b"L") + entry(b"f"),
    "a target by pax": pax((b"linkpath", b"t" * 99)) + block(b"l", b"1"),
    "a path with its bytes spelled": entry(b"\xff" * 25),
}


@pytest.mark.parametrize("raw", LONG.values(), ids=LONG)
def test_names_of_all_entries_count_together(raw: bytes) -> None:
    limits = replace(LIMITS, name_bytes=1000)
    assert len(scan(raw * 10, limits=limits)) == 10
    for cuts in (range(0), range(512, 20_000, 512)):
        with pytest.raises(
            InvalidError, match=r"the layer has paths and link targets of 1,[01]\d\d bytes, .*_name_bytes = 1,0"
        ):
            scan(raw * 11, cuts, limits)


def test_a_global_name_is_counted_for_each_entry_at_once() -> None:
    """A piece of a tar has thousands of entries, and each of them would have that name."""
    raw = pax((b"path", b"n" * 1_000_000), kind=b"g") + block(b"a") * 5000
    scanner = Scanner(replace(LIMITS, name_bytes=10_000_000), "the layer")
    tracemalloc.start()
    with pytest.raises(InvalidError, match="more than max_tar_name_bytes = 10,000,000"):
        scanner.feed(raw)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
    assert held < 5_000_000, "what was refused is not kept"


def test_names_that_nobody_keeps_cost_nothing() -> None:
    limits = TarLimits(100, 4096, 1000, name_bytes=10)
    assert content(entry(b"n" * 100) * 5 + entry(b"b", b"wanted"), 5, limits) == b"wanted"


@pytest.mark.parametrize(("raw", "heard"), [(NEXT, 0), (pax((b"comment", b"x")) * 10 + NEXT, 5)])
def test_whoever_stops_is_heard(raw: bytes, heard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece of a tar may hold megabytes of headers that take long."""
    asked = list[int]()

    def check() -> None:
        asked.append(1)
        if len(asked) > heard:
            raise StoppedError

    monkeypatch.setattr(tar, "check_stopped", check)
    with pytest.raises(StoppedError):
        Scanner(LIMITS, "the layer").feed(raw)


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
    size, nothing = (b"GNU.sparse.size", b"%d" % 10**13), (b"GNU.sparse.map", b"0,0")
    with pytest.raises(InvalidError, match="sparse files of 10,000,000,000,000 bytes"):
        content(pax(size, nothing, (b"GNU.sparse.numblocks", b"1")) + entry(b"a"), 0, limits)


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


@pytest.mark.parametrize("name", [b"a", b"n" * 5000])
@pytest.mark.parametrize("after", [b"x" * 512, block(b"b") * 10])
def test_nothing_is_believed_of_a_damaged_tar(name: bytes, after: bytes) -> None:
    scanner = Scanner(replace(LIMITS, entries=5), "the layer")
    with pytest.raises((IntegrityError, InvalidError)):
        scanner.feed(pax((b"path", name)) + block(b"a") + after)
    assert len(scanner.take()) == 0
