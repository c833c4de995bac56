"""Layers whose files can be read one by one: eStargz and zstd:chunked, as their tools write them.

Each file is compressed by itself, and a table at the end says where it stands. Who knows nothing of that reads a gzip
or zstd as any other. Sources: stargz-snapshotter, docs/estargz.md; containers/storage, pkg/chunked.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import struct
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ocinb.samples.images import (
    Blob,
    Image,
    Layer,
    Manifest,
    Step,
    make_image,
    make_json,
    make_layer,
    make_manifest,
    moment,
)
from ocinb.samples.registry_content import Content
from ocinb.samples.tars import Entry, file, noise, tar_info, with_parents
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_LAYER

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compress = Callable[[bytes], bytes]
JSON = dict[str, Any]

_BLOCK = 512
_END = bytes(2 * _BLOCK)
_LANDMARK = Entry(".no.prefetch.landmark", content=b"\x0f", mode=0)
_TYPES = {
    tarfile.REGTYPE: "reg",
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}


@dataclass(frozen=True)
class Seekable(Layer):
    """A layer with a table of contents.

    ``table`` is that table as it stands in the layer or beside it, compressed; ``rows`` are its entries.
    """

    table: bytes = field(default=b"", repr=False)
    rows: tuple[JSON, ...] = field(default=(), repr=False, hash=False)


def make_estargz(
    entries: Iterable[Entry],
    *,
    mtime: int = 0,
    chunk_bytes: int = 4 * 1024 * 1024,
    member_bytes: int = 0,
    outside: bool = False,
    edit: Callable[[JSON], JSON] = lambda toc: toc,
) -> Seekable:
    r"""Pack entries as an eStargz.

    Examples
    --------
    >>> from ocinb.samples.tars import file
    >>> layer = make_estargz([file("hello", "hello\n")])
    >>> [row["name"] for row in layer.rows], layer.raw[-19:-13]
    (['.no.prefetch.landmark', 'hello'], b'STARGZ')
    """
    packing = _Packing(_gzip, chunk_bytes, member_bytes)
    packing.add_all([_LANDMARK, *entries], mtime)
    rows = list(_estargz_rows(packing.rows))
    table = json.dumps(edit({"version": 1, "entries": rows}), indent="\t").encode()
    packed = _gzip(_table_tar(table))
    if outside:
        packing.write(_END)
        packing.flush()
        raw = bytes(packing.raw) + _footer(b"STARGZEXTERNALTOC")
    else:
        packing.flush()
        raw = bytes(packing.raw) + packed + _footer(b"%016xSTARGZ" % len(packing.raw))
        packing.plain.update(_table_tar(table))
    notes = {"containerd.io/snapshot/stargz/toc.digest": Digest.of(table)}
    return Seekable(raw, f"{OCI_LAYER}+gzip", packing.diff_id, notes, packed, tuple(rows))


def toc_image(layers: Sequence[Seekable]) -> Manifest:
    """Make the image that has the tables of some layers; its tag is that of their image, and ``-esgztoc``."""
    tables = [
        Layer(
            layer.table,
            f"{OCI_LAYER}+gzip",
            Digest.of(gzip.decompress(layer.table)),
            {"containerd.io/snapshot/stargz/layer.digest": layer.digest},
        )
        for layer in layers
    ]
    return make_manifest(Blob(make_json({"rootfs": {"type": "layers", "diff_ids": []}}), OCI_CONFIG), tables)


def make_zstd_chunked(
    entries: Iterable[Entry],
    *,
    mtime: int = 0,
    chunk_bytes: int = 64 * 1024,
    prefix: str = "io.github.containers.zstd-chunked.",
    with_position: bool = True,
    with_tar_split: bool = True,
    edit: Callable[[JSON], JSON] = lambda toc: toc,
) -> Seekable:
    r"""Pack entries as zstd:chunked.

    Examples
    --------
    >>> from ocinb.samples.tars import file
    >>> layer = make_zstd_chunked([file("hello", "hello\n")])
    >>> [row["name"] for row in layer.rows], layer.raw[-8:]
    (['hello'], b'GNUlInUx')
    """
    packing = _Packing(zstd.compress, chunk_bytes, 0, lone=True)
    packing.add_all(entries, mtime)
    packing.write(_END)
    packing.flush()
    rows = list(_zstd_rows(packing.rows))
    table = make_json(edit({"version": 1, "entries": rows}))
    packed = zstd.compress(table)
    offset = len(packing.raw) + _FRAME_HEADER
    numbers = [offset, len(packed), len(table), 1]
    split = _skippable(zstd.compress(b"{}\n")) if with_tar_split else b""
    more = [offset + len(packed) + _FRAME_HEADER, len(split) - _FRAME_HEADER, 3] if with_tar_split else []
    magic = b"GNUlInUx" if with_tar_split else b"GnUlInUx"
    footer = _skippable(struct.pack(f"<{4 + len(more)}Q", *numbers, *more) + magic)
    notes = {f"{prefix}manifest-checksum": str(Digest.of(packed))}
    if with_position:
        notes[f"{prefix}manifest-position"] = ":".join(map(str, numbers))
    raw = bytes(packing.raw) + _skippable(packed) + split + footer
    return Seekable(raw, f"{OCI_LAYER}+zstd", packing.diff_id, notes, packed, tuple(rows))


class _Packing:
    """Compressed members one behind the other, and where in them each file stands."""

    def __init__(self, compress: Compress, chunk_bytes: int, member_bytes: int, *, lone: bool = False) -> None:
        self.raw = bytearray()
        self.rows: list[JSON] = []
        self.plain = hashlib.sha256(usedforsecurity=False)
        self._compress = compress
        self._chunk_bytes = chunk_bytes
        self._member_bytes = member_bytes
        self._lone = lone  # whether nothing else stands in the member of a content
        self._member = bytearray()

    @property
    def diff_id(self) -> Digest:
        return Digest(f"sha256:{self.plain.hexdigest()}")

    def add_all(self, entries: Iterable[Entry], mtime: int) -> None:
        for entry in entries:
            self.write(tar_info(entry, mtime).tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
            first, *others = list(self._chunks(entry.content)) or [{}]
            self.rows.append(_row(entry, mtime) | first)
            self.rows += [{"name": entry.path, "type": "chunk", **one} for one in others]
            self.write(bytes(-len(entry.content) % _BLOCK))

    def _chunks(self, content: bytes) -> Iterator[JSON]:
        for begin in range(0, len(content), self._chunk_bytes):
            part = content[begin : begin + self._chunk_bytes]
            if len(self._member) >= self._member_bytes:
                self.flush()
            place = {"offset": len(self.raw), "innerOffset": len(self._member)}
            self.write(part)
            if self._lone:
                self.flush()
            yield place | {"chunkOffset": begin, "chunkSize": len(part), "chunkDigest": str(Digest.of(part))}

    def write(self, plain: bytes) -> None:
        self.plain.update(plain)
        self._member += plain

    def flush(self) -> None:
        if self._member:
            self.raw += self._compress(bytes(self._member))
            self._member.clear()


def _row(entry: Entry, mtime: int) -> JSON:
    row: JSON = {"name": entry.path, "type": _TYPES[entry.type]}
    if entry.type == tarfile.REGTYPE:
        row |= {"size": len(entry.content), "digest": str(Digest.of(entry.content))}
    if mtime:
        row["modtime"] = f"{datetime.fromtimestamp(mtime, UTC):%Y-%m-%dT%H:%M:%SZ}"
    if entry.target:
        row["linkName"] = entry.target
    return row | {"mode": entry.mode, "uid": entry.owner, "gid": entry.owner}


def _estargz_rows(rows: Iterable[JSON]) -> Iterator[JSON]:
    """Leave out what is 0, and how long the last chunk of a file is."""
    size = 0
    for row in rows:
        size = row.get("size", size)
        is_last = row.get("chunkOffset", 0) + row.get("chunkSize", 0) == size
        yield {key: value for key, value in row.items() if value and not (is_last and key == "chunkSize")}


def _zstd_rows(rows: Sequence[JSON]) -> Iterator[JSON]:
    """Leave out the chunk of a file that is in one, and the digest of an empty file."""
    for row, following in zip(rows, [*rows[1:], {}], strict=True):
        is_lone = row["type"] != "chunk" and following.get("type") != "chunk"
        kept = {key: value for key, value in row.items() if value and not (is_lone and key.startswith("chunk"))}
        if not row.get("size"):
            kept.pop("digest", None)
        yield kept


def _table_tar(table: bytes) -> bytes:
    entry = Entry("stargz.index.json", content=table, mode=0)
    return tar_info(entry, 0).tobuf() + table + bytes(-len(table) % _BLOCK) + _END


def _gzip(plain: bytes) -> bytes:
    return gzip.compress(plain, 9, mtime=0)


def _footer(text: bytes) -> bytes:
    """Make a gzip of nothing that has a text in its header (RFC 1952, 2.3.1.1)."""
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff"
    return head + struct.pack("<H2sH", len(text) + 4, b"SG", len(text)) + text + b"\x01\0\0\xff\xff" + bytes(8)


_FRAME_HEADER = 8


def _skippable(content: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18" + struct.pack("<I", len(content)) + content


FORMS: Final[dict[str, Callable[..., Layer]]] = {
    "estargz": make_estargz,
    "gzip": make_layer,
    "zstd-chunked": make_zstd_chunked,
}

# So the table of the eStargz has more than the hundredth of the layer that is read at first, and less than two: that
# there are two requests, for the footer and for the rest of the table, can be seen.
_PICTURES = 400
_LEAST_BYTES = 3_000
_BUILT_AT = datetime(2025, 5, 5, 8, 0, tzinfo=UTC)


@functools.cache
def lazy_image(form: str) -> Image:
    """Build `demo/lazy` in a form, which is the tag; the files are the same in all.

    >>> [layer.media_type.rpartition(".")[2] for form in FORMS for layer in lazy_image(form).layers]
    ['tar+gzip', 'tar+gzip', 'tar+zstd']
    """
    layer = FORMS[form](_entries(), mtime=int(_BUILT_AT.timestamp()))
    steps = [
        Step("COPY pictures /srv/pictures # buildkit", moment(_BUILT_AT, 1), layer),
        Step('CMD ["/bin/serve","/srv/pictures"]', moment(_BUILT_AT, 1)),
    ]
    return make_image("linux/amd64", steps, settings={"Cmd": ["/bin/serve", "/srv/pictures"]})


def add_lazy(content: Content) -> None:
    """Build all forms of `demo/lazy` and take them in, which nobody has to wait for who does not ask for them."""
    for form in FORMS:
        content.add("demo/lazy", lazy_image(form).manifest, form)


@functools.cache
def _entries() -> tuple[Entry, ...]:
    pictures = (file(f"srv/pictures/{number:04}.jpg", _picture(number)) for number in range(_PICTURES))
    about = file("srv/pictures/about.txt", "Four hundred pictures of noise.\n")
    return tuple(with_parents([*pictures, about]))


def _picture(number: int) -> bytes:
    return noise(f"picture {number}", _LEAST_BYTES + number * 37 % 2_000)
