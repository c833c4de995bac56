from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.sparse import Unfolding, runs
from ocinb.archive.tar_headers import MalformedError
from ocinb.errors import IntegrityError
from tests.archive.tars import block, entry, padded, pax, pieces, scan, summed

Form = Callable[[list[tuple[int, int]], bytes, int], bytes]


GNU = b"ustar  \0"


RUNS = [(512, 512), (2048, 100)]


STORED = b"a" * 512 + b"b" * 100


SIZE = 5000


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


def test_a_map_ends_where_it_has_to() -> None:
    with pytest.raises(MalformedError, match="in the middle"):
        runs([0, 1, 2], 10, 1)


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
