"""Tars for tests: block by block, and as tarfile writes what hypothesis thought of."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

from ocinb.archive.entries import Columns
from ocinb.archive.limits import TarLimits
from ocinb.archive.tar import Scanner, read_entry

LIMITS = TarLimits(entries=100_000, header_bytes=1024 * 1024, content_bytes=1024 * 1024 * 1024)
END = bytes(1024)
FIELDS = {
    "mode": (100, 8),
    "uid": (108, 8),
    "gid": (116, 8),
    "size": (124, 12),
    "mtime": (136, 12),
    "link": (157, 100),
    "magic": (257, 8),
    "prefix": (345, 155),
    "rest": (345, 167),
}
KINDS = {
    b"0": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "character",
    b"4": "block",
    b"5": "directory",
    b"6": "fifo",
}


def scan(raw: bytes, cuts: Iterable[int] = (), limits: TarLimits = LIMITS) -> Columns:
    """Read a tar that comes in pieces, cut at the given places."""
    scanner, found = Scanner(limits, "the layer"), Columns()
    for piece in pieces(raw, cuts):
        scanner.feed(piece)
        found.extend(scanner.take())
    scanner.finish()
    assert scanner.seen == len(raw)
    return found


def pieces(raw: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    places = sorted({0, len(raw), *(min(cut, len(raw)) for cut in cuts)})
    return (raw[begin:end] for begin, end in pairwise(places))


def content(raw: bytes, position: int, limits: TarLimits = LIMITS) -> bytes:
    return read_entry([raw], position, limits, "the layer")


def padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 512)


def summed(raw: bytes | bytearray) -> bytes:
    """Give a header the checksum that it has to have."""
    header = bytearray(raw)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def block(name: bytes, kind: bytes = b"0", size: int | bytes = 0, **fields: bytes) -> bytes:
    """Make a header; what is not said is as ustar has it."""
    header = bytearray(512)
    header[: len(name)] = name
    header[156:157] = kind
    known = {
        "mode": b"0000644\0",
        "uid": b"0000000\0",
        "gid": b"0000000\0",
        "mtime": b"00000000000\0",
        "magic": b"ustar\x0000",
        "size": b"%011o\0" % size if isinstance(size, int) else size,
    }
    for field, value in {**known, **fields}.items():
        begin, length = FIELDS[field]
        assert len(value) <= length
        header[begin : begin + len(value)] = value
    return summed(header)


def entry(name: bytes, raw: bytes = b"", kind: bytes = b"0", **fields: bytes) -> bytes:
    return block(name, kind, len(raw), **fields) + padded(raw)


def record(name: bytes, value: bytes) -> bytes:
    """Make a record of pax, which counts its own length."""
    rest = b" " + name + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


def pax(*said: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    return entry(b"PaxHeaders/it", b"".join(record(name, value) for name, value in said), kind)


@dataclass(frozen=True)
class Member:
    """An entry as somebody wants it."""

    name: bytes
    kind: bytes
    content: bytes
    mode: int
    uid: int
    gid: int
    micro: int
    link: bytes


_STEPS = st.one_of(
    st.sampled_from(
        [b"a", b"usr", b"..", b"C:", b"...", b".x", b"a\\b", b"\\x41", b"new\nline", "é".encode(), b"\xff\x80"]
    ),
    st.binary(min_size=1, max_size=8).map(lambda raw: raw.translate(bytes.maketrans(b"\0/", b"_-"))),
    st.integers(1, 120).map(lambda length: b"n" * length),
)
_NAMES = st.lists(_STEPS, min_size=1, max_size=6).map(b"/".join)
_DRESSED = st.tuples(st.sampled_from([b"", b"", b"", b"./", b"/", b"//", b".//./"]), _NAMES).map(b"".join)
_SMALL, _LARGE = st.integers(0, 0o777), st.integers(0, 2**31)
_SECONDS = st.one_of(st.integers(0, 2**33 - 1), st.integers(-10_000_000_000, 100_000_000_000))


@st.composite
def members(draw: st.DrawFn, *, plain: bool = False) -> Member:
    """Think of an entry; a plain one is short and old enough for every format."""
    kind = draw(st.sampled_from([*KINDS, b"0", b"0"]))
    seconds = draw(st.integers(0, 2**33 - 1) if plain else _SECONDS)
    owner = _SMALL if plain else _LARGE
    name = draw(_DRESSED)[: 90 if plain else None]
    return Member(
        name.rstrip(b"/.") + b"f",
        kind,
        draw(st.binary(max_size=2000)) if kind == b"0" else b"",
        draw(st.integers(0, 0o7777)),
        draw(owner),
        draw(owner),
        seconds * 10**6 + (0 if plain else draw(st.integers(0, 999_999))),
        draw(_NAMES)[: 90 if plain else None] if kind in b"12" else b"",
    )


def written(wanted: Sequence[Member], form: int) -> bytes:
    """Have tarfile write entries."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for member in wanted:
            tar.addfile(_info(member, form), io.BytesIO(member.content))
    return raw.getvalue()


def _info(member: Member, form: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(member.name.decode("utf-8", "surrogateescape"))
    info.type, info.size, info.mode = member.kind, len(member.content), member.mode
    info.uid, info.gid, info.mtime = member.uid, member.gid, member.micro // 10**6
    info.linkname = member.link.decode("utf-8", "surrogateescape")
    if form == tarfile.PAX_FORMAT and (member.micro % 10**6 or member.micro < 0):
        sign, whole, rest = "-" if member.micro < 0 else "", *divmod(abs(member.micro), 10**6)
        info.pax_headers = {"mtime": f"{sign}{whole}.{rest:06}"}
    return info
