"""Layers with a table of contents in the embedded registry, and what the tar in them says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ocinb._settings import MIB, settings
from ocinb.archive.compression import Limits, decompressed
from ocinb.archive.entries import COLUMNS, Columns
from ocinb.archive.limits import TarLimits
from ocinb.archive.tar import Scanner
from ocinb.rootfs.toc import Toc
from ocinb.rootfs.whiteouts import as_layer
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer
from ocinb.samples.seekable_layers import Seekable, make_estargz, make_zstd_chunked
from ocinb.samples.tars import directory, file, hardlink, noise, opaque, prose, symlink, whiteout
from ocinb.sources.base import BlobStream, Source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor

MTIME = 1_700_000_000
BIG = noise("big", 300_000)
TREE = [
    directory("usr/", mode=0o1777),
    file("usr/big", BIG, mode=0o4755, owner=7),
    file("./usr/empty"),
    symlink("usr/link", "../usr/big"),
    hardlink("usr/hard", "usr/big"),
    whiteout("usr/gone"),
    opaque("srv"),
    file("usr/caf\u00e9", "coffee"),
    file("usr/prose", prose("prose", 50_000)),
    file("usr/holes", bytes(200_000) + b"x"),
]
FORMS: dict[str, Seekable] = {
    "estargz": make_estargz(TREE, mtime=MTIME, chunk_bytes=100_000),
    "estargz in large members": make_estargz(TREE, mtime=MTIME, chunk_bytes=20_000, member_bytes=50_000),
    "estargz of the year 1970": make_estargz(TREE),
    "zstd:chunked": make_zstd_chunked(TREE, mtime=MTIME),
    "zstd:chunked of old": make_zstd_chunked(
        TREE, mtime=MTIME, prefix="io.containers.zstd-chunked.", with_tar_split=False
    ),
    "zstd:chunked by its footer": make_zstd_chunked(TREE, mtime=MTIME, with_position=False),
    "zstd:chunked by an old footer": make_zstd_chunked(TREE, with_position=False, with_tar_split=False),
}


def descriptor_of(layer: Layer) -> Descriptor:
    return Descriptor(layer.media_type, layer.digest, len(layer.raw), annotations=dict(layer.annotations))


def put(registry: SampleRegistry, layer: Layer) -> Descriptor:
    registry.put_blob(layer.raw)
    return descriptor_of(layer)


def scanned(raw: bytes) -> Columns:
    """Read the whole layer, as if it had no table; the table of an eStargz is no row."""
    scanner = Scanner(TarLimits(10_000, MIB, 64 * MIB), "it")
    for chunk in decompressed([raw], Limits.of(settings), "it"):
        scanner.feed(chunk)
    scanner.finish()
    return as_layer(scanner.take())


def rows(columns: Columns) -> list[tuple[object, ...]]:
    return list(zip(*(getattr(columns, name) for name in COLUMNS if name != "offset"), strict=True))


def place_of(toc: Toc, path: str) -> int:
    """Say where a path stands among the columns of a table."""
    return toc.columns.path.index(path)


def requests_of(registry: SampleRegistry) -> list[tuple[str, int | None]]:
    """Give the blobs that a registry was asked for, and what it said."""
    return [(one.path.rpartition("/")[2], one.status) for one in registry.requests if "/blobs/" in one.path]


def sha256(raw: bytes) -> bytes:
    return bytes.fromhex(Digest.of(raw).hex)


@dataclass
class Counting:
    """A source that counts how many bytes of blobs were asked for, request by request."""

    source: Source
    parts: list[int] = field(default_factory=list)

    @contextmanager
    def open_blob(self, descriptor: Descriptor, offset: int = 0, length: int | None = None) -> Iterator[BlobStream]:
        self.parts.append(descriptor.size if length is None else length)
        with self.source.open_blob(descriptor, offset, length) as stream:
            yield stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)
