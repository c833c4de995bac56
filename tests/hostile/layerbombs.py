"""Layers that are small and claim, or become, what no machine has room for."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import sys
from collections.abc import Callable
from functools import partial

import ocinb
from ocinb.errors import IntegrityError, InvalidError
from tests.hostile import headers
from tests.hostile.headers import header, member, octal, pax, record
from tests.hostile.layerrows import MIB, LayerRow

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NOBODY = f"sha256:{'0' * 64}"  # nobody unpacks a bomb only to say what is in it
TERABYTE = 1024**4
PIECE = bytes(64 * MIB)
LEAST_RATIO = "max_unpacked_ratio"
DEEP = 100_000


def _repeated(compress: Callable[[bytes], bytes], times: int) -> Callable[[bytes], bytes]:
    """Begin with an honest tar's header, and go on with a piece of nothing, again and again."""
    return lambda tar: compress(tar) + compress(PIECE) * times


def _nested() -> bytes:
    return gzip.compress(gzip.compress(bytes(20 * MIB)) * 3)


def _zeros_of_a_file() -> bytes:
    return header(b"zeros", size=headers.base256(64 * 1024 * MIB - 512))


def _wide_window(_: bytes) -> bytes:
    """Give a frame that wants a window of two gigabytes, as its descriptor has it, to hold three bytes."""
    return b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(31 - 10) << 3]) + b"\x19\x00\x00abc"


def _wide_dictionary(_: bytes) -> bytes:
    """Give an xz stream whose dictionary is to be of nearly four gigabytes."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1536 * MIB - 1, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3}]
    small = lzma.compress(b"abc", filters=[{**filters[0], "dict_size": 4096}])
    # The size of the dictionary is one byte of the block's header, and a checksum is over that.
    import zlib

    block = bytearray(small[12:24])
    place = block.index(0x21) + 2
    block[place] = 39
    block[8:12] = zlib.crc32(bytes(block[:8])).to_bytes(4, "little")
    return small[:12] + bytes(block) + small[24:]


def _old_sparse(size: int) -> bytes:
    """Claim a size in the sparse header of old GNU tar: one piece of a byte, at the end of a hole."""
    pieces = octal(size - 1) + octal(1) + bytes(72)
    tail = bytes(12) * 2 + octal(0) + bytes(4) + b"\0" + pieces + b"\0" + octal(size) if size < 8**11 else b""
    real = headers.base256(size)
    piece = headers.base256(size - 1) + headers.base256(1) + bytes(72)
    tail = tail or bytes(12) * 3 + bytes(4) + b"\0" + piece + b"\0" + real
    return headers.tar(header(b"sparse", size=1, kind=headers.SPARSE, tail=tail) + headers.padded(b"x"))


def _pax_sparse(version: str, size: int) -> bytes:
    real = str(size).encode()
    last = str(size - 1).encode()
    if version == "1.0":
        numbers = b"1\n" + last + b"\n1\n"
        content = headers.padded(numbers) + b"x"
        records = record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.minor", b"0")
        records += record(b"GNU.sparse.name", b"sparse") + record(b"GNU.sparse.realsize", real)
    else:
        content = b"x"
        records = record(b"GNU.sparse.size", real) + record(b"GNU.sparse.numblocks", b"1")
        records += record(b"GNU.sparse.map", last + b",1") + record(b"GNU.sparse.name", b"sparse")
    return headers.tar(pax(records), member(b"short", content))


def _long_record(key: bytes) -> bytes:
    return headers.tar(pax(record(key, b"v" * (20 * MIB))), member(b"file"))


def _long_name() -> bytes:
    return headers.tar(headers.long_named(b"n" * (20 * MIB)))


def _many_records() -> bytes:
    records = b"".join(record(b"SCHILY.xattr.user.%d" % number, b"x") for number in range(20_000))
    return headers.tar(pax(records), member(b"file", b"many"))


def _entries(count: int) -> bytes:
    return b"".join(header(b"%07d" % number) for number in range(count)) + headers.END


def _headers_for_nobody() -> bytes:
    """Follow one pax header by another, again and again, before the entry that they might be of."""
    return headers.tar(*[pax(record(b"path", b"p" * 900_000))] * 60, member(b"file"))


def _globals() -> bytes:
    """Set one long global value after another, which a reader has to remember."""
    parts = [pax(record(b"SCHILY.xattr.user.%d" % number, b"v" * 900_000), headers.GLOBAL) for number in range(60)]
    return headers.tar(*parts, member(b"file", b"global"))


def _reread(count: int) -> bytes:
    """Say something of all entries a thousand times, between long records and the entry that they are of."""
    again = pax(b"4 =\n" * 131_072) + pax(b"", headers.GLOBAL) * 1000
    return headers.tar(*(again + header(b"%d" % number) for number in range(count)))


def _labels(count: int) -> bytes:
    return header(b"label", kind=b"V") * count + headers.END


def _behind(empty: bytes, count: int, compress: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda tar: empty * count + compress(tar)


def _check_backslashes(reference: str, count: int) -> None:
    frame = ocinb.files(reference)
    assert frame.loc[frame["layer"] == 1, "path"].tolist() == ["\\" * count]


def _deep(count: int) -> bytes:
    paths = (b"%d/" % number + b"d/" * DEEP + b"leaf" for number in range(count))
    return headers.tar(*(headers.named(path, b"deep") for path in paths))


def _check_deep(reference: str) -> None:
    frame = ocinb.files(reference)
    [row] = frame[frame["layer"] == 1].to_dict("records")
    assert row["path"] == "0/" + "d/" * DEEP + "leaf"
    assert row["visible"]
    assert ocinb.read(reference, row["path"]) == b"deep"


def _check_long_links(reference: str) -> None:
    frame = ocinb.filesystem(reference)
    assert frame["link_target"].dropna().str.len().tolist() == [900_000] * 3


def _check_rows(reference: str, count: int) -> None:
    frame = ocinb.files(reference)
    assert (frame["layer"] == 1).sum() == count


def _check_sparse(reference: str) -> None:
    """Of a gigabyte of nothing and one byte the digest is right, and it cost no gigabyte of memory."""
    frame = ocinb.files(reference)
    [row] = frame[frame["path"] == "sparse"].to_dict("records")
    expected = hashlib.sha256()
    for _ in range(16):
        expected.update(PIECE)
    assert row["size_bytes"] == 16 * len(PIECE) + 1
    expected.update(b"x")
    assert row["sha256"] == expected.hexdigest()


ROWS = [
    LayerRow(
        "a gzip bomb", _zeros_of_a_file, InvalidError, LEAST_RATIO, packed=_repeated(gzip.compress, 20), diff_id=NOBODY
    ),
    LayerRow(
        "a zstd bomb", _zeros_of_a_file, InvalidError, LEAST_RATIO, packed=_repeated(zstd.compress, 200), diff_id=NOBODY
    ),
    LayerRow(
        "a bzip2 bomb", _zeros_of_a_file, InvalidError, LEAST_RATIO, packed=_repeated(bz2.compress, 10), diff_id=NOBODY
    ),
    LayerRow(
        "an xz bomb", _zeros_of_a_file, InvalidError, LEAST_RATIO, packed=_repeated(lzma.compress, 10), diff_id=NOBODY
    ),
    LayerRow(
        "a layer that is larger than the limit",
        lambda: headers.tar(member(b"large", hashlib.shake_128(b"n").digest(2 * MIB))),
        InvalidError,
        "max_unpacked_bytes",
        packed=gzip.compress,
        settings={"max_unpacked_bytes": MIB},
    ),
    LayerRow("a bomb in a bomb", _nested, IntegrityError, packed=gzip.compress),
    LayerRow("a window of two gigabytes", bytes, InvalidError, packed=_wide_window, diff_id=NOBODY),
    LayerRow("a dictionary of four gigabytes", bytes, InvalidError, packed=_wide_dictionary, diff_id=NOBODY),
    LayerRow(
        "an old sparse file of ten terabytes", partial(_old_sparse, 10 * TERABYTE), InvalidError, "max_unpacked_bytes"
    ),
    *[
        LayerRow(
            f"a sparse file of ten terabytes, as {version} has it",
            partial(_pax_sparse, version, 10 * TERABYTE),
            InvalidError,
            "max_unpacked_bytes",
        )
        for version in ("0.1", "1.0")
    ],
    LayerRow("sixty gigabytes of holes", partial(_pax_sparse, "1.0", 60 * 1024 * MIB), InvalidError, "max_hole_bytes"),
    LayerRow(
        "holes of many files",
        lambda: b"".join(_pax_sparse("1.0", 200 * MIB)[:-1024] for _ in range(100)) + headers.END,
        InvalidError,
        "max_hole_bytes",
        settings={"max_hole_bytes": 512 * MIB},
    ),
    LayerRow("a sparse file of a gigabyte", partial(_pax_sparse, "1.0", 16 * len(PIECE) + 1), check=_check_sparse),
    LayerRow(
        "many sparse files that each keep the limit",
        lambda: b"".join(_pax_sparse("1.0", 450 * MIB)[:-1024] for _ in range(1000)) + headers.END,
        InvalidError,
        "max_unpacked_bytes",
        settings={"max_unpacked_bytes": 512 * MIB},
    ),
    *[
        LayerRow(
            f"a record {key.decode()} of twenty megabytes",
            partial(_long_record, key),
            InvalidError,
            "max_tar_header_bytes",
        )
        for key in (b"path", b"linkpath", b"SCHILY.xattr.user.x", b"comment")
    ],
    LayerRow("a name of twenty megabytes", _long_name, InvalidError, "max_tar_header_bytes"),
    LayerRow("twenty thousand records", _many_records, check=partial(_check_rows, count=1)),
    LayerRow("headers without entries", _headers_for_nobody, InvalidError, "max_tar_header_bytes"),
    LayerRow("values for all entries that never end", _globals, InvalidError, "max_tar_header_bytes"),
    LayerRow(
        "a name of backslashes",
        lambda: headers.tar(headers.long_named(b"\\" * 1_000_000)),
        check=partial(_check_backslashes, count=1_000_000),
    ),
    LayerRow("records that are to be read again and again", partial(_reread, 3), check=partial(_check_rows, count=3)),
    LayerRow(
        "names that fill the memory",
        lambda: headers.tar(*(headers.named(b"%d/" % number + b"n" * 900_000) for number in range(30))),
        InvalidError,
        "max_tar_name_bytes",
        settings={"max_tar_name_bytes": 10 * MIB},
    ),
    LayerRow(
        "targets that fill the memory",
        lambda: headers.tar(
            *(pax(record(b"linkpath", b"t" * 900_000)) + headers.linked(b"%d" % n, b"t") for n in range(30))
        ),
        InvalidError,
        "max_tar_name_bytes",
        settings={"max_tar_name_bytes": 10 * MIB},
    ),
    LayerRow(
        "one long name for all entries",
        lambda: headers.tar(pax(record(b"path", b"n" * 900_000), headers.GLOBAL), header(b"short") * 5000),
        InvalidError,
        "max_tar_name_bytes",
        settings={"max_tar_name_bytes": 64 * MIB},
    ),
    LayerRow(
        "more labels than entries are allowed",
        partial(_labels, 1001),
        InvalidError,
        "max_tar_entries",
        settings={"max_tar_entries": 1000},
    ),
    *[
        LayerRow(
            f"twenty thousand {name} without content",
            partial(_entries, 1),
            InvalidError,
            "MOST_EMPTY_MEMBERS",
            packed=_behind(empty, 20_000, compress),
        )
        for name, empty, compress in (
            ("members of gzip", gzip.compress(b""), gzip.compress),
            ("frames of zstd", zstd.compress(b""), zstd.compress),
            ("frames of zstd to skip", b"\x50\x2a\x4d\x18" + bytes(4), zstd.compress),
            ("streams of bzip2", bz2.compress(b""), bz2.compress),
            ("streams of xz", lzma.compress(b""), lzma.compress),
        )
    ],
    LayerRow(
        "more entries than are allowed",
        partial(_entries, 20_001),
        InvalidError,
        "max_tar_entries",
        packed=zstd.compress,
        settings={"max_unpacked_ratio": 100_000, "max_tar_entries": 20_000},
    ),
    LayerRow(
        "a hundred thousand empty entries",
        partial(_entries, 100_000),
        packed=zstd.compress,
        check=partial(_check_rows, count=100_000),
        settings={"max_unpacked_ratio": 100_000},
    ),
    LayerRow("a path of a hundred thousand folders", partial(_deep, 1), check=_check_deep),
    LayerRow("thirty-nine paths of a hundred thousand folders", partial(_deep, 39), packed=gzip.compress),
    LayerRow(
        "links of nine hundred thousand characters",
        lambda: headers.tar(
            *(pax(record(b"linkpath", b"t" * 900_000)) + headers.linked(b"%d" % n, b"t") for n in range(3))
        ),
        check=_check_long_links,
    ),
]
