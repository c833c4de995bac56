"""Chunks are found by the position of their file, and end where the next ones begin."""

from __future__ import annotations

import pytest

from ocinb.rootfs.toc_entries import Chunk, Chunks


def test_chunks_of_files_in_any_order_of_their_bytes() -> None:
    chunks = Chunks(100)
    chunks.add(60, 0, 5, b"a" * 32)
    chunks.add(70, 3, 6, None)
    chunks.finish(4)
    chunks.add(10, 0, 7, None)
    chunks.finish(9)
    assert list(chunks.of(4)) == [Chunk(60, 70, 0, 5, b"a" * 32), Chunk(70, 100, 3, 6, None)]
    assert list(chunks.of(9)) == [Chunk(10, 60, 0, 7, None)]
    with pytest.raises(KeyError):
        chunks.of(5)
