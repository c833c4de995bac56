"""Tables that strangers wrote: rows, or the error that says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import Columns
from ocinb.errors import IntegrityError, InvalidError
from ocinb.rootfs.toc_entries import Chunks, read_rows
from tests.rootfs.seekables import sha256

END = 1000
EMPTY = sha256(b"")
DIGEST = "sha256:" + "ab" * 32


def read(*entries: Any, end: int = END, **more: Any) -> tuple[Columns, Chunks]:
    table = {"version": 1, "entries": list(entries)} | more
    return read_rows(json.dumps(table).encode(), end, 100, "it")


def reg(**fields: Any) -> dict[str, Any]:
    return {"type": "reg", "name": "a", "size": 10, "digest": DIGEST, "offset": 20} | fields


def chunk(**fields: Any) -> dict[str, Any]:
    return {"type": "chunk", "name": "a"} | fields


@pytest.mark.parametrize(
    ("text", "mtime"),
    [
        ("0001-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
        ("12345-01-01T00:00:00Z", None),
        ("yesterday", None),
    ],
)
def test_times(text: str, mtime: int | None) -> None:
    columns, _ = read({"type": "dir", "name": "d", "modtime": text})
    assert columns.mtime == [mtime]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([chunk(offset=1)], "belongs to no file"),
        ([{"type": "dir", "name": "a"}, chunk(offset=1, chunkOffset=1)], "belongs to no file"),
        ([reg(size=0, digest=""), chunk(offset=1)], "belongs to no file"),
        ([reg(offset=END)], "where there is no content"),
        ([reg(offset=2**62)], "where there is no content"),
        ([reg(chunkOffset=5)], "one behind the other"),
        ([reg(chunkOffset=10)], "one behind the other"),
        ([reg(chunkSize=9)], "its chunks have 9"),
        ([reg(chunkSize=11)], "its chunks have 11"),
        ([reg(chunkSize=4), chunk(offset=30, chunkOffset=5)], "one behind the other"),
        ([reg(chunkSize=4), chunk(offset=30, chunkOffset=4, chunkSize=2**62)], "its chunks have"),
        ([reg(chunkSize=10), chunk(offset=30, chunkOffset=10)], "one behind the other"),
        ([reg(chunkSize=4), chunk(offset=5000, chunkOffset=4)], "where there is no content"),
        ([reg(chunkSize=4), chunk(name="b", offset=30, chunkOffset=4)], "behind 'a' in .* has another name"),
        ([reg(name="d/a", chunkSize=4), chunk(offset=30, chunkOffset=4)], "behind 'd/a' in .* has another name"),
        ([reg(size=0)], "no bytes, and yet the digest of some"),
        ([{"type": "reg", "name": "a", "digest": DIGEST}, reg()], "no bytes, and yet the digest of some"),
    ],
)
def test_chunks_that_lie(entries: list[Any], message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        read(*entries)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (7, "is no object"),
        (None, "is no object"),
        ({}, "type = None"),
        ({"type": "socket", "name": "a"}, "type = 'socket'"),
        ({"type": ["reg"], "name": "a"}, "type = "),
        ({"type": "dir"}, "name = ''"),
        ({"type": "dir", "name": 7}, "name = 7"),
        ({"type": "symlink", "name": "a"}, "linkName = ''"),
        (reg(size=-1), "size = -1"),
        (reg(size=2**63), "size = 9223372036854775808"),
        (reg(size=1.5), "size = 1.5"),
        (reg(size=True), "size = True"),
        (reg(size="10"), "size = '10'"),
        (reg(offset=-5), "offset = -5"),
        (reg(chunkSize=-5), "chunkSize = -5"),
        (reg(innerOffset=-5), "innerOffset = -5"),
        (reg(mode=-1), "mode = -1"),
        (reg(uid=-1), "uid = -1"),
        (reg(modtime=5), "modtime = 5"),
        (reg(digest="sha256:xyz"), "digest = 'sha256:xyz'"),
        (reg(chunkDigest="sha256:" + "AB" * 32), "chunkDigest = "),
    ],
)
def test_fields_that_lie(entry: Any, message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        read({"type": "dir", "name": "first"}, entry)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b'{"version": 1, "entries": [}',
        b'{"version": 1, "entries": []} {}',
        b'{"version": 1, "entries": [], "entries": []}',
        b'{"version": 1, "entries": [{"type": "dir", "name": "a", "name": "b"}]}',
        b'{"version": 1, "entries": [{"type": "dir", "name": "a", "mode": NaN}]}',
        b'{"version": 1, "entries": [{"type": "dir", "name": "caf\xe9"}]}',
        b'{"version": 1, "entries": [' + b"[" * 100_000,
        b'{"version": 1, "entries": [{"type": "dir", "name": "a", "mode": ' + b"9" * 5000 + b"}]}",
    ],
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidError, match="table of contents of it"):
        read_rows(raw, END, 100, "it")


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(DIGEST)
keys = (
    "type name size digest offset chunkOffset chunkSize chunkDigest innerOffset mode uid gid modtime linkName".split()
)
kinds = st.sampled_from(["reg", "chunk", "dir", "symlink", "hardlink"])
numbers = st.integers(-1, 30)
entries = st.fixed_dictionaries(
    {"type": kinds, "name": st.text(min_size=1, max_size=3)},
    optional=dict.fromkeys(("size", "offset", "chunkOffset", "chunkSize", "innerOffset"), numbers)
    | {"linkName": st.text(max_size=3), "digest": st.just(DIGEST)},
)


@given(st.lists(entries | st.dictionaries(st.sampled_from(keys), values) | values, max_size=6))
def test_any_table_is_rows_or_a_refusal(rows: list[Any]) -> None:
    try:
        columns, chunks = read(*rows, end=25)
    except (InvalidError, IntegrityError):
        return
    assert len({len(getattr(columns, name)) for name in columns.__slots__}) == 1
    for place, size in enumerate(columns.size_bytes):
        if size:
            parts = chunks.of(place)
            assert sum(part.size for part in parts) == size
            assert all(0 <= part.offset < part.end <= 25 for part in parts)
