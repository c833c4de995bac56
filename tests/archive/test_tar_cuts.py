"""Whatever comes, in whatever pieces: the same columns or the same error, and no other error than ours."""

from __future__ import annotations

import gc
import hashlib
import tarfile
import tracemalloc
from contextlib import suppress
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.archive.entries import COLUMNS
from ocinb.archive.limits import TarLimits
from ocinb.archive.tar import Scanner
from ocinb.errors import IntegrityError, InvalidError
from tests.archive.tars import Member, block, content, entry, members, pax, scan, summed, written
from tests.archive.test_sparse import FORMS, RUNS, SIZE, STORED

SMALL = TarLimits(entries=20, header_bytes=20_000, content_bytes=1_000_000)
_KEYS = st.sampled_from(
    "path linkpath size mtime uid gid GNU.sparse.major GNU.sparse.minor GNU.sparse.size GNU.sparse.realsize "
    "GNU.sparse.numblocks GNU.sparse.map GNU.sparse.offset GNU.sparse.numbytes GNU.sparse.name hdrcharset".split()
).map(str.encode)
_VALUES = st.sampled_from([b"", b"0", b"1", b"-1", b"600", b"0,1", b"1,2,3", b"9" * 30, b"a\0b", b"/../x", b"1.5"])
_SIZES = st.sampled_from([0, 1, 511, 512, 600, 2**33 - 1, b"\xff" * 12, b"\x80" + b"\xff" * 11, b"", b" ", b"x"])
_PARTS = st.one_of(
    st.binary(max_size=600),
    st.sampled_from([bytes(512), bytes(100), *(form(RUNS, STORED, SIZE) for form in FORMS)]),
    st.lists(st.tuples(_KEYS, _VALUES), max_size=4).map(lambda said: pax(*said)),
    st.lists(st.tuples(_KEYS, _VALUES), max_size=4).map(lambda said: pax(*said, kind=b"g")),
    st.builds(entry, st.binary(max_size=100), st.binary(max_size=700), st.binary(min_size=1, max_size=1)),
    st.builds(
        block, st.binary(max_size=100), st.sampled_from([bytes([kind]) for kind in b"01234567xgLKXSDVMNZ\0"]), _SIZES
    ),
    st.binary(min_size=512, max_size=512).map(summed),
    st.lists(members(), max_size=2).map(lambda wanted: written(wanted, tarfile.PAX_FORMAT)),
)


def outcome(raw: bytes, cuts: list[int]) -> object:
    """Give all columns, or what is said instead; every other error ends the test."""
    try:
        found = scan(raw, cuts, SMALL)
    except (IntegrityError, InvalidError) as error:
        return type(error), str(error)
    return [getattr(found, name) for name in COLUMNS]


@given(st.lists(_PARTS, max_size=6).map(b"".join), st.lists(st.integers(0, 5000)))
def test_what_is_read_does_not_hang_on_the_pieces(raw: bytes, cuts: list[int]) -> None:
    assert outcome(raw, cuts) == outcome(raw, [])


def held_after(scanner: Scanner, raw: bytes, times: int) -> int:
    """Say how much memory is held when a tar has gone on so often, and its rows were taken."""
    for _ in range(times):
        scanner.feed(raw)
        scanner.take()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@given(st.lists(_PARTS, min_size=1, max_size=4).map(b"".join))
@settings(max_examples=50)
def test_memory_does_not_grow_with_what_was_read(raw: bytes) -> None:
    scanner = Scanner(replace(SMALL, entries=10**6, content_bytes=10**9), "the layer")
    gc.freeze()  # what all tests before have left is looked through no more
    tracemalloc.start()
    with suppress(IntegrityError, InvalidError):  # what is refused needs no memory either
        before = held_after(scanner, raw, 5)
        assert held_after(scanner, raw, 20) - before < 20 * 128, "not even an object for each time"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < SMALL.header_bytes * 10 + len(raw) * 20, "as much as comes, and no more than may be said ahead"


@given(st.lists(_PARTS, max_size=4).map(b"".join))
def test_byte_by_byte(raw: bytes) -> None:
    assert outcome(raw, list(range(len(raw)))) == outcome(raw, [])


@given(
    st.lists(members(), min_size=1, max_size=3),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
)
def test_damage_that_adds_up(wanted: list[Member], form: int, changes: list[tuple[int, int]], mended: bool) -> None:  # noqa: FBT001 - drawn
    raw = bytearray(written(wanted, form))
    for place, value in changes:
        raw[place % len(raw)] = value
        begin = place % len(raw) // 512 * 512
        if mended:
            raw[begin : begin + 512] = summed(raw[begin : begin + 512])
    assert outcome(bytes(raw), [700, 1500]) == outcome(bytes(raw), [])


@given(st.lists(_PARTS, max_size=5).map(b"".join), st.integers(0, 3))
def test_content_is_that_of_the_digest(raw: bytes, position: int) -> None:
    result = outcome(raw, [])
    if isinstance(result, list) and position < len(result[0]) and result[2][position] == "file":
        stored = content(raw, position, SMALL)
        assert hashlib.sha256(stored).digest() == result[9][position]
        assert len(stored) == result[3][position]
