from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.sparse import Unfolding, runs
from ocinb.archive.tar_headers import MalformedError
from ocinb.errors import IntegrityError
from tests.archive.tars import LIMITS, block, content, entry, padded, pax, pieces, scan, summed

Form = Callable[[list[tuple[int, int]], bytes, int], bytes]
GNU = b"ustar  \0"
RUNS = [(512, 512), (2048, 100)]
STORED = b"a" * 512 + b"b" * 100
SIZE = 5000
UNFOLDED = bytes(512) + b"a" * 512 + bytes(1024) + b"b" * 100 + bytes(SIZE - 2148)


def numbers(places: list[tuple[int, int]]) -> bytes:
    return b"".join(b"%011o\0%011o\0" % place for place in places)


def old(places: list[tuple[int, int]], stored: bytes = STORED, size: int = SIZE, *, magic: bytes = GNU) -> bytes:
    """Write a sparse file with an old GNU header: four runs in it, 21 in each block that follows."""
    header = bytearray(block(b"holes", b"S", len(stored), magic=magic))
    header[386:482] = numbers(places[:4]).ljust(96, b"\0")
    header[482] = len(places) > 4
    header[483:495] = b"%011o\0" % size
    more = [places[at : at + 21] for at in range(4, len(places), 21)]
    ends = [b"\1"] * (len(more) - 1) + [b"\0"]
    blocks = [numbers(some).ljust(504, b"\0") + end.ljust(8, b"\0") for some, end in zip(more, ends, strict=False)]
    return summed(header) + b"".join(blocks) + padded(stored)


def written(places: list[tuple[int, int]], stored: bytes = STORED, size: int = SIZE) -> bytes:
    """Write one of version 1.0."""
    lines = [len(places), *(number for place in places for number in place)]
    table = padded(b"".join(b"%d\n" % line for line in lines))
    said = [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"%d" % size)]
    return pax(*said, (b"GNU.sparse.name", b"holes")) + entry(b"GNUSparseFile.1/holes", table + stored)


def first(places: list[tuple[int, int]], stored: bytes = STORED, size: int = SIZE) -> bytes:
    """Write one of version 0.0."""
    by_turns = [
        (b"GNU.sparse." + key, b"%d" % number)
        for place in places
        for key, number in zip((b"offset", b"numbytes"), place, strict=True)
    ]
    said = [(b"GNU.sparse.size", b"%d" % size), (b"GNU.sparse.numblocks", b"%d" % len(places))]
    return pax(*said, *by_turns) + entry(b"holes", stored)


def second(places: list[tuple[int, int]], stored: bytes = STORED, size: int = SIZE) -> bytes:
    """Write one of version 0.1."""
    table = b",".join(b"%d,%d" % place for place in places)
    said = [(b"GNU.sparse.size", b"%d" % size), (b"GNU.sparse.numblocks", b"%d" % len(places))]
    named = (b"GNU.sparse.name", b"holes")
    return pax(*said, named, (b"GNU.sparse.map", table)) + entry(b"GNUSparseFile.1/holes", stored)


FORMS: list[Form] = [old, written, first, second]


@pytest.mark.parametrize("form", FORMS)
def test_holes_are_part_of_the_content(form: Form) -> None:
    raw = form(RUNS, STORED, SIZE) + entry(b"next", b"abc")
    found = scan(raw)
    assert (found.path, found.size_bytes, found.offset[0]) == (["holes", "next"], [SIZE, 3], None)
    assert found.sha256[0] == hashlib.sha256(UNFOLDED).digest()
    assert content(raw, 0) == UNFOLDED


@pytest.mark.parametrize("form", FORMS)
def test_many_runs_and_runs_of_nothing(form: Form) -> None:
    places = [(10 * place, place % 3) for place in range(200)]
    stored = b"x" * sum(length for _, length in places)
    found = scan(form([*places, (2000, 0)], stored, 2000) + entry(b"next"))
    whole = b"".join(b"x" * length + bytes(10 - length) for _, length in places)
    assert found.sha256[0] == hashlib.sha256(whole).digest()
    assert found.path == ["holes", "next"]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_one_hole(form: Form) -> None:
    assert content(form([(3000, 0)], b"", 3000), 0) == bytes(3000)


@pytest.mark.parametrize("form", [old, written])
def test_a_map_without_runs(form: Form) -> None:
    assert content(form([], b"", 3000), 0) == bytes(3000)


@pytest.mark.parametrize("form", [first, second])
def test_a_count_without_runs_makes_no_holes(form: Form) -> None:
    """It is a plain file for Go, GNU tar, bsdtar and tarfile, as long as its header says."""
    assert content(form([], b"abc", 3), 0) == b"abc"


def test_a_long_map_may_be_the_end_of_a_tar() -> None:
    places = [(10 * place, 1) for place in range(30)]
    assert len(scan(old(places, b"x" * 30, 400))) == 1
    with pytest.raises(IntegrityError, match="cut off at byte 512, in the entry at byte 0"):
        scan(old(places, b"x" * 30, 400)[:512])


def test_the_headers_of_a_map_are_not_those_of_the_next_entry() -> None:
    limits = replace(LIMITS, header_bytes=4096)
    places = [(10 * place, 1) for place in range(150)]
    assert len(scan(old(places, b"x" * 150, 1500) + pax((b"comment", b"x" * 1000)) + entry(b"f"), limits=limits)) == 2


@pytest.mark.parametrize("mark", [b"\1", b"1", b"\xff"])
def test_any_mark_but_nul_says_that_a_map_goes_on(mark: bytes) -> None:
    raw = bytearray(old([(10 * place, 1) for place in range(50)], b"x" * 50, 600))
    assert raw[512 + 504] == 1
    raw[512 + 504 : 512 + 505] = mark
    assert scan(bytes(raw)).size_bytes == [600]


def test_an_offset_that_begins_with_a_nul_ends_an_old_map() -> None:
    raw = bytearray(old([(512, 1), (1024, 1), (2048, 1)], b"a", SIZE))
    raw[386 + 24 : 386 + 36] = bytes(12)
    assert content(summed(raw[:512]) + raw[512:], 0) == bytes(512) + b"a" + bytes(SIZE - 513)
    raw = bytearray(old([(512, 1), (1024, 0), (2048, 1)], b"ab", SIZE))
    raw[386 + 36 : 386 + 48] = bytes(12)  # a length may be blank
    assert content(summed(raw[:512]) + raw[512:], 0)[2048:2049] == b"b"


def test_a_real_size_of_nothing() -> None:
    raw = said((b"major", b"1"), (b"realsize", b"0"), stored=padded(b"0\n"))
    assert scan(raw).size_bytes == [0]


def test_a_size_that_is_said_twice_is_one() -> None:
    assert scan(
        said((b"size", b"10"), (b"realsize", b"10"), (b"map", b"0,1"), (b"numblocks", b"1"), stored=b"a")
    ).size_bytes == [10]


def test_a_file_with_a_slash_may_have_holes() -> None:
    some = [(b"size", b"10"), (b"numblocks", b"1"), (b"map", b"0,3")]
    assert content(said(*some, stored=b"abc", name=b"f/"), 0) == b"abc" + bytes(7)
    assert content(pax((b"path", b"holes/")) + old(RUNS), 0) == UNFOLDED


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("places", "size"),
    [
        ([(2048, 512), (512, 100)], SIZE),
        ([(0, 512), (511, 100)], SIZE),
        ([(0, 612)], 611),
        ([(0, 611)], SIZE),
        ([(0, 613)], SIZE),
        ([(SIZE, 1), (0, 611)], SIZE),
        ([(0, 612), (SIZE + 1, 0)], SIZE),
        ([(2**33 - 1, 612)], SIZE),
    ],
)
def test_maps_that_cannot_be(form: Form, places: list[tuple[int, int]], size: int) -> None:
    with pytest.raises(IntegrityError, match=r"damaged at byte [\d,]+: the map of its holes"):
        scan(form(places, STORED, size))


def said(*more: tuple[bytes, bytes], stored: bytes = b"", kind: bytes = b"0", name: bytes = b"f") -> bytes:
    return pax(*((b"GNU.sparse." + key, value) for key, value in more)) + entry(name, stored, kind)


@pytest.mark.parametrize(
    "raw",
    [
        said((b"major", b"2"), (b"minor", b"0")),
        said((b"major", b"1"), (b"minor", b"1")),
        said((b"numblocks", b"2"), (b"map", b"0,1"), stored=b"a"),
        said((b"map", b"0,1"), stored=b"a"),
        said((b"numblocks", b"1"), (b"map", b"0,1,2"), stored=b"a"),
        *(said((b"major", b"0"), (b"size", b"9"), kind=kind) for kind in (b"5", b"2", b"S")),
        said((b"major", b"0"), (b"size", b"9"), name=b"d/", kind=b"\0"),
        said((b"size", b"9"), (b"realsize", b"8"), (b"numblocks", b"1"), (b"map", b"0,1"), stored=b"a"),
        said((b"offset", b"0"), (b"numbytes", b"1"), (b"map", b"0,1"), (b"numblocks", b"1"), stored=b"a"),
        said((b"map", b"0,1"), (b"offset", b"0"), (b"numbytes", b"1"), (b"numblocks", b"2"), stored=b"aa"),
        said((b"offset", b"2"), (b"map", b"0"), (b"numbytes", b"1"), (b"numblocks", b"1"), stored=b"a"),
        said((b"map", b""), (b"offset", b"0"), (b"numbytes", b"1"), (b"numblocks", b"1"), stored=b"a"),
        said((b"offset", b"0"), (b"numblocks", b"1")),
        said((b"major", b"1"), stored=b"x\n"),
        said((b"major", b"1"), stored=b"1\n0\n"),
        said((b"major", b"1"), stored=b"-1\n"),
        said((b"major", b"1"), stored=b"1" * 2000),
        said((b"major", b"1"), stored=bytes(600)),
        said((b"major", b"1"), stored=b""),
        old(RUNS, magic=b"ustar\x0000"),
        old(RUNS, magic=b""),
    ],
)
def test_what_contradicts_itself(raw: bytes) -> None:
    with pytest.raises(IntegrityError):
        scan(raw + entry(b"next"))


def test_a_map_does_not_reach_into_the_next_entry() -> None:
    with pytest.raises(IntegrityError, match="damaged at byte 1,024: the map of its holes goes on past its end"):
        scan(said((b"major", b"1"), stored=b"") + entry(b"next", b"abc"))


def test_a_map_ends_where_it_has_to() -> None:
    with pytest.raises(MalformedError, match="in the middle"):
        runs([0, 1, 2], 10, 1)


def test_runs_that_touch_or_are_of_nothing() -> None:
    assert runs([0, 5, 5, 5, 10, 0], 10, 10) == [(0, 5), (5, 5), (10, 0)]


def test_a_number_without_end_is_refused_before_its_content_ends() -> None:
    with pytest.raises(IntegrityError, match="a number in the map of its holes has no end"):
        scan(said((b"major", b"1"), stored=b"1" * 100_000)[:5000])


@given(st.lists(st.integers(0, 300), unique=True).map(sorted), st.lists(st.integers(0, 400)))
def test_content_comes_in_any_pieces(edges: list[int], cuts: list[int]) -> None:
    places = [(begin, end - begin) for begin, end in pairwise([*edges, 300])][::2]
    whole = bytearray(300)
    for begin, length in places:
        whole[begin : begin + length] = b"x" * length
    digest = hashlib.sha256()
    unfolding = Unfolding(places, 300, digest)
    for piece in pieces(b"x" * sum(length for _, length in places), cuts):
        unfolding.update(piece)
    assert unfolding.digest() == hashlib.sha256(whole).digest()
