"""Files are read by offset from any thread, and closed when nobody has them any more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocinb.errors import IntegrityError, InvalidError
from ocinb.samples.tars import noise
from ocinb.sources.file_reader import CHUNK, Content, open_file, whole

RAW = noise("a file", 3 * CHUNK + 17)


def open_content(folder: Path, raw: bytes = RAW) -> Content:
    (folder / "file").write_bytes(raw)
    return whole(open_file(folder / "file", "the file"))


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    content = open_content(tmp_path)
    os.truncate(tmp_path / "file", CHUNK)
    with pytest.raises(IntegrityError, match=r"the file ended early\. Was it changed while it was read"):
        list(content.chunks())


def test_small_ones_are_read_within_a_limit(tmp_path: Path) -> None:
    content = open_content(tmp_path, b"12345")
    assert content.read(5, "limit") == b"12345"
    with pytest.raises(InvalidError, match="the file has 5 bytes, more than limit = 4"):
        content.read(4, "limit")
