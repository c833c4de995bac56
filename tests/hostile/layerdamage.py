"""Layers that are broken off, damaged, or not what the image says they are."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable
from functools import partial

import ocinb
from ocinb.errors import IntegrityError, InvalidError
from tests.hostile import headers
from tests.hostile.headers import END, SPARSE, base256, header, member, octal, pax, record
from tests.hostile.layerrows import LayerRow

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CONTENT = bytes(range(256)) * 40
NEVER = (b"9" * 300, b"-" + b"9" * 300, b"9223372036854775807")  # no clock shows these
TWO = member(b"one", CONTENT) + member(b"two", CONTENT)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def _whole() -> bytes:
    return TWO + END


def _then(change: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda tar: change(pack(tar))


def _cut(length: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:length]


def _flip(place: float) -> Callable[[bytes], bytes]:
    """Change one bit somewhere between the beginning and the end."""

    def change(raw: bytes) -> bytes:
        at = int(len(raw) * place)
        return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]

    return change


def _says(tar: bytes, error: type[InvalidError | IntegrityError], name: str, words: str = "") -> LayerRow:
    return LayerRow(name, lambda: tar, error, words)


def _check_two(reference: str) -> None:
    frame = ocinb.files(reference)
    assert frame.loc[frame["layer"] == 1, "path"].tolist() == ["one", "two"]
    assert ocinb.read(reference, "two") == CONTENT


def _check_empty(reference: str) -> None:
    assert ocinb.files(reference)["layer"].unique().tolist() == [0, 2]
    layers = ocinb.layers(reference, depth="files")
    assert layers["files"].tolist() == [2, 0, 1]


def _check_one(reference: str) -> None:
    frame = ocinb.files(reference)
    assert frame.loc[frame["layer"] == 1, "path"].tolist() == ["x"]


def _check_owner(reference: str) -> None:
    frame = ocinb.files(reference)
    assert frame.loc[frame["layer"] == 1, "uid"].tolist() == [2**50]


def _check_no_time(reference: str) -> None:
    frame = ocinb.files(reference)
    assert frame.loc[frame["layer"] == 1, "mtime"].isna().tolist() == [True]


ROWS = [
    *[
        LayerRow(
            f"{name} without its last {missing} bytes",
            _whole,
            IntegrityError,
            packed=_then(_cut(-missing), pack),
        )
        for name, pack in PACKERS.items()
        for missing in (1, 20)
    ],
    *[
        LayerRow(
            f"{name} without all but its first {length} bytes",
            _whole,
            IntegrityError,
            packed=_then(_cut(length), pack),
        )
        for name, pack in PACKERS.items()
        for length in (12,)
    ],
    *[
        LayerRow(
            f"{name} with garbage behind it", _whole, IntegrityError, packed=_then(lambda raw: raw + b"garbage!", pack)
        )
        for name, pack in PACKERS.items()
    ],
    *[
        LayerRow(f"{name} with a bit flipped in the middle", _whole, IntegrityError, packed=_then(_flip(0.5), pack))
        for name, pack in PACKERS.items()
    ],
    LayerRow("a bit flipped in content", _whole, IntegrityError, packed=_flip(0.2)),
    LayerRow("another tar than the config says", _whole, IntegrityError, diff_id=f"sha256:{'1' * 64}"),
    *[
        LayerRow(
            f"another tar than the config says, as {name}",
            _whole,
            IntegrityError,
            packed=pack,
            diff_id=f"sha256:{'1' * 64}",
        )
        for name, pack in PACKERS.items()
    ],
    *[
        _says(TWO[:length], IntegrityError, f"a tar of {length} bytes")
        for length in (1, 100, 511, 513, 600, 10_751, 11_300)
    ],
    LayerRow("a tar without an end", lambda: TWO, check=_check_two),
    LayerRow("a tar with one block as its end", lambda: TWO + bytes(512), check=_check_two),
    LayerRow("nothing", bytes, check=_check_empty),
    LayerRow("nothing, compressed", bytes, packed=gzip.compress, check=_check_empty),
    LayerRow("blocks of nothing", lambda: bytes(10240), check=_check_empty),
    LayerRow(
        "zeros behind a gzip member", _whole, packed=lambda tar: gzip.compress(tar) + bytes(512), check=_check_two
    ),
    LayerRow(
        "a gzip of many members",
        _whole,
        packed=lambda tar: b"".join(gzip.compress(tar[at : at + 300]) for at in range(0, len(tar), 300)),
        check=_check_two,
    ),
    LayerRow(
        "a zstd of many frames, some to be skipped",
        _whole,
        packed=lambda tar: b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc".join(
            zstd.compress(tar[at : at + 3000]) for at in range(0, len(tar), 3000)
        ),
        check=_check_two,
    ),
    _says(member(b"one") + member(b"two", checksum=b"000000\0 ") + END, IntegrityError, "a wrong checksum", "512"),
    _says(
        member(b"one") + member(b"two", checksum=b"zzzzzz\0 ") + END, IntegrityError, "a checksum that is none", "512"
    ),
    _says(b"{}" * 5120, IntegrityError, "a document in the place of a tar"),
    _says(b"\x7fELF" + bytes(range(256)) * 40, IntegrityError, "a program in the place of a tar"),
    _says(header(b"x", size=base256(-1)) + END, IntegrityError, "a size below zero"),
    _says(header(b"x", size=base256(2**80)) + END, IntegrityError, "a size beyond all numbers"),
    _says(header(b"x", size=b"\xff" * 12) + END, IntegrityError, "a size of ones only"),
    _says(header(b"x", size=b"12x45678901\0") + END, IntegrityError, "a size that is no number"),
    _says(header(b"x", size=base256(2**60)) + END, IntegrityError, "a size that the tar has not"),
    *[
        _says(headers.tar(pax(records), member(b"x")), IntegrityError, f"a pax header that reads {records!a}")
        for records in (
            b"12 path=x\n",
            b"9999999999 path=x\n",
            b"-5 path=x\n",
            b"x path=x\n",
            b"0 \n",
            b"9 pathxx\n",
            b"8 path=x\n",
            b"10 size=-1\n",
            b"10 size=1x\n",
            b"9" * 400,
        )
    ],
    _says(
        headers.tar(pax(record(b"size", b"9" * 5000)), member(b"x")), IntegrityError, "a size of five thousand digits"
    ),
    LayerRow("a pax header before nothing", partial(headers.tar, pax(record(b"path", b"x"))), check=_check_empty),
    _says(headers.tar(member(b"x", mtime=base256(-(2**90)))), IntegrityError, "a time beyond all numbers"),
    LayerRow(
        "an owner of many digits", partial(headers.tar, member(b"x", owner=base256(2**50, 8))), check=_check_owner
    ),
    *[
        LayerRow(
            f"a time of {text.decode()[:30]}",
            partial(headers.tar, pax(record(b"mtime", text)), member(b"x")),
            check=_check_no_time if text in NEVER else _check_one,
        )
        for text in (*NEVER, b"253402300800", b"-62135596801.5", b"0.999999999999999999999")
    ],
    *[
        _says(
            headers.tar(pax(record(key, text)), member(b"x")),
            IntegrityError,
            f"a {key.decode()} of {text.decode()[:30]}",
        )
        for key, text in (
            (b"mtime", b"-1e400"),
            (b"mtime", b"nan"),
            (b"uid", b"9" * 30),
            (b"gid", b"-7x"),
        )
    ],
    _says(
        headers.tar(
            header(
                b"s",
                size=1,
                kind=SPARSE,
                tail=bytes(41) + octal(5) + octal(9) + octal(2) + octal(9) + bytes(49) + octal(3),
            )
            + headers.padded(b"x")
        ),
        IntegrityError,
        "pieces that overlap in a sparse file that is shorter",
    ),
    _says(
        headers.tar(header(b"d/", size=600, kind=b"\0") + headers.padded(b"x" * 600)),
        IntegrityError,
        "a directory of old tars with content",
        "byte 512",
    ),
    *[
        _says(
            headers.tar(pax(b"".join(record(b"GNU.sparse." + key, text) for key, text in said)), member(b"x", b"a")),
            IntegrityError,
            f"holes that contradict each other by {said[0][0].decode()} and {said[1][0].decode()}",
        )
        for said in (
            ((b"size", b"9"), (b"realsize", b"8"), (b"numblocks", b"1"), (b"map", b"0,1")),
            ((b"map", b"0,1"), (b"offset", b"0"), (b"numbytes", b"1"), (b"numblocks", b"2")),
            ((b"offset", b"2"), (b"map", b"0"), (b"numbytes", b"1"), (b"numblocks", b"1")),
        )
    ],
    _says(headers.tar(member(b"a/.wh.")), InvalidError, "a marker for nothing"),
    _says(headers.tar(member(b".wh.")), InvalidError, "a marker for nothing at the root"),
]
