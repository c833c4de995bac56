"""A second reader of eStargz, by its specification alone: zlib, json and hashlib, and not a line of ours.

Source: stargz-snapshotter, docs/estargz.md: the last 51 bytes say where the table is, the table where each chunk is.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FOOTER_BYTES = 51
_LANDMARKS = {".no.prefetch.landmark", ".prefetch.landmark"}
_BLOCK = 512
_GZIP = 31  # how zlib is told that there is a gzip header


@dataclass(frozen=True)
class Row:
    """A file in the words of the table, and what its chunks make."""

    name: str
    type: str
    mode: int
    uid: int
    gid: int
    mtime: int
    target: str
    content: bytes

    @property
    def sha256(self) -> str | None:
        return hashlib.sha256(self.content).hexdigest() if self.type == "reg" else None


def read_estargz(raw: bytes, table_digest: str) -> list[Row]:
    """Go the way of a lazy runtime: footer, table, chunks; each digest on it is recomputed."""
    table = read_table(raw)
    assert table_digest == f"sha256:{hashlib.sha256(table).hexdigest()}"
    document = json.loads(table)
    assert document["version"] == 1
    return list(_rows(raw, document["entries"]))


def read_table(raw: bytes) -> bytes:
    """Give the JSON that the footer leads to."""
    begin = table_offset(raw)
    member = zlib.decompressobj(_GZIP)
    tar = member.decompress(raw[begin:-FOOTER_BYTES])
    assert member.eof, "the table is one member of gzip"
    assert not member.unused_data, "nothing stands between the table and the footer"
    assert tar[:100].rstrip(b"\0") == b"stargz.index.json"
    size = int(tar[124:135], 8)
    assert not tar[_BLOCK + size :].strip(b"\0"), "the table is the only file there, and the last one"
    return tar[_BLOCK : _BLOCK + size]


def table_offset(raw: bytes) -> int:
    """Read the footer: an empty gzip whose header has a field SG of 22 bytes."""
    footer = raw[-FOOTER_BYTES:]
    assert zlib.decompress(footer, _GZIP) == b""
    assert footer[:4] == b"\x1f\x8b\x08\x04", "gzip with a field in its header"
    assert footer[10:16] == b"\x1a\x00SG\x16\x00"
    assert footer[32:38] == b"STARGZ"
    return int(footer[16:32], 16)


def _rows(raw: bytes, entries: list[dict[str, Any]]) -> Iterator[Row]:
    for place, entry in enumerate(entries):
        if entry["type"] == "chunk" or entry["name"] in _LANDMARKS:
            continue
        content = b"".join(_chunks(raw, entries, place)) if entry.get("size") else b""
        assert len(content) == entry.get("size", 0)
        if entry["type"] == "reg":
            assert entry["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        time = datetime.fromisoformat(entry["modtime"])
        numbers = (entry.get("mode", 0), entry.get("uid", 0), entry.get("gid", 0), int(time.timestamp()))
        yield Row(entry["name"].strip("/"), entry["type"], *numbers, entry.get("linkName", ""), content)


def _chunks(raw: bytes, entries: list[dict[str, Any]], place: int) -> Iterator[bytes]:
    """Read the chunks of a file: its own row is the first one, the rows of type chunk behind it are the others."""
    size, place_after = entries[place]["size"], place + 1
    while place_after < len(entries) and entries[place_after]["type"] == "chunk":
        place_after += 1
    for chunk in entries[place:place_after]:
        assert chunk["name"] == entries[place]["name"]
        length = chunk.get("chunkSize") or size - chunk.get("chunkOffset", 0)
        inner = chunk.get("innerOffset", 0)
        plain = zlib.decompressobj(_GZIP).decompress(raw[chunk.get("offset", 0) :], inner + length)
        content = plain[inner : inner + length]
        assert chunk["chunkDigest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        yield content
