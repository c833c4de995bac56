"""Files are read by offset from any thread, and closed when nobody has them any more."""

from __future__ import annotations

import gc
import hashlib
import os
from contextlib import suppress
from pathlib import Path

import pytest

from ocinb._pool import run_all
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.samples.tars import noise
from ocinb.sources.file_reader import CHUNK, Content, open_file, whole

RAW = noise("a file", 3 * CHUNK + 17)


def open_content(folder: Path, raw: bytes = RAW) -> Content:
    (folder / "file").write_bytes(raw)
    return whole(open_file(folder / "file", "the file"))


def test_parts_are_those_of_the_file(tmp_path: Path) -> None:
    content = open_content(tmp_path)
    part = Content(content.file, 1000, CHUNK + 5)
    assert b"".join(content.chunks()) == RAW
    assert b"".join(part.chunks()) == RAW[1000 : 1005 + CHUNK]
    assert b"".join(part.chunks(CHUNK)) == RAW[1000 + CHUNK : 1005 + CHUNK]
    assert b"".join(part.chunks(3, 4)) == RAW[1003:1007]
    assert b"".join(part.chunks(part.size + 1)) == b""
    assert all(len(chunk) <= CHUNK for chunk in content.chunks())


def test_the_beginning_of_a_part_ends_with_it(tmp_path: Path) -> None:
    content = open_content(tmp_path)
    assert content.beginning(8) == RAW[:8]
    assert Content(content.file, 1000, 5).beginning(8) == RAW[1000:1005]
    assert open_content(tmp_path, b"").beginning(8) == b""


def test_many_threads_read_one_file(tmp_path: Path) -> None:
    content = open_content(tmp_path)
    parts = [Content(content.file, place * 10_000, 10_000) for place in range(300)]
    read = run_all(lambda part: b"".join(part.chunks()), parts, workers=8)
    assert b"".join(read) == RAW[:3_000_000]


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    assert open_content(tmp_path).digest() == f"sha256:{hashlib.sha256(RAW).hexdigest()}"


def _readers(path: Path) -> int:
    """Count the numbers under which this process has a file open."""
    sought, found = path.stat(), 0
    for number in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
        with suppress(OSError):  # the number of the listing itself is gone by now
            found += os.path.samestat(os.fstat(number), sought)
    return found


def test_a_file_is_closed_with_its_last_reader(tmp_path: Path) -> None:
    content = open_content(tmp_path)
    chunks = content.chunks()
    assert next(chunks) == RAW[:CHUNK]
    del content
    gc.collect()
    assert _readers(tmp_path / "file") == 1
    assert b"".join(chunks) == RAW[CHUNK:]
    del chunks
    gc.collect()
    assert _readers(tmp_path / "file") == 0


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    content = open_content(tmp_path)
    os.truncate(tmp_path / "file", CHUNK)
    with pytest.raises(IntegrityError, match=r"the file ended early\. Was it changed while it was read"):
        list(content.chunks())


def test_a_file_that_is_replaced_is_read_as_it_was(tmp_path: Path) -> None:
    content = open_content(tmp_path)
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").replace(tmp_path / "file")
    assert b"".join(content.chunks()) == RAW


def test_small_ones_are_read_within_a_limit(tmp_path: Path) -> None:
    content = open_content(tmp_path, b"12345")
    assert content.read(5, "limit") == b"12345"
    with pytest.raises(InvalidError, match="the file has 5 bytes, more than limit = 4"):
        content.read(4, "limit")


def test_what_is_not_there_and_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="the file is not there"):
        open_file(tmp_path / "gone", "the file")
    with pytest.raises(InvalidError, match="the file is a folder"):
        open_file(tmp_path, "the file")
    with pytest.raises(InvalidError, match="the file is a device"):
        open_file(Path("/dev/zero"), "the file")
