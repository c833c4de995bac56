"""Compressed archives are unpacked once, within limits, and leave nothing behind."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb._settings import Settings
from ocinb.errors import InvalidError, TransportError
from ocinb.samples.tars import noise
from ocinb.sources.file_reader import Content, open_file, whole
from ocinb.sources.tar_index import unpacked

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RAW = noise("an archive", 300_000) + b"\0" * 3_000_000
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def content_of(folder: Path, raw: bytes) -> Content:
    (folder / "a.tar").write_bytes(raw)
    return whole(open_file(folder / "a.tar", "a.tar"))


def bytes_of(content: Content) -> bytes:
    return b"".join(content.chunks())


@pytest.mark.parametrize("packer", PACKERS)
def test_several_streams_behind_one_another_are_one(tmp_path: Path, packer: str) -> None:
    pack = PACKERS[packer]
    assert bytes_of(unpacked(content_of(tmp_path, pack(RAW[:1000]) + pack(RAW[1000:])), Settings())) == RAW


def _flipped(raw: bytes) -> bytes:
    damaged = bytearray(raw)
    damaged[len(damaged) // 20] ^= 0xFF
    return bytes(damaged)


@pytest.mark.parametrize(
    ("packer", "damage", "told"),
    [
        *((packer, lambda raw: raw[:-10], "cut off") for packer in PACKERS),
        *((packer, lambda raw: raw[:10], "cut off") for packer in PACKERS),
        *((packer, lambda raw: raw + b"garbage", "damaged") for packer in PACKERS),
        # A frame of zstd need not have a checksum; digests tell of the rest.
        *((packer, _flipped, "damaged") for packer in PACKERS if packer != "zstd"),
    ],
)
def test_what_is_cut_off_or_damaged_is_refused(
    tmp_path: Path, packer: str, damage: Callable[[bytes], bytes], told: str
) -> None:
    with pytest.raises(InvalidError, match=rf"a\.tar is {told}: .*{packer} "):
        unpacked(content_of(tmp_path, damage(PACKERS[packer](RAW))), Settings())


@pytest.mark.parametrize("packer", PACKERS)
def test_limits_end_it_before_the_disk_is_full(tmp_path: Path, packer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of(tmp_path, PACKERS[packer](b"\0" * 3_000_000))
    assert unpacked(content, Settings(max_unpacked_bytes=3_000_000)).size == 3_000_000
    with pytest.raises(InvalidError, match=r"a\.tar is too large when it is unpacked: max_unpacked_bytes = 2,999,999"):
        unpacked(content, Settings(max_unpacked_bytes=2_999_999))
    assert unpacked(content, Settings(max_unpacked_ratio=1)).size == 3_000_000, "so little does no harm"
    monkeypatch.setattr("ocinb.archive.compression.HARMLESS_BYTES", 1_000_000)
    with pytest.raises(InvalidError, match=r"max_unpacked_ratio = 5. Set more in ocinb.settings if you trust it"):
        unpacked(content, Settings(max_unpacked_ratio=5))


def test_a_folder_for_temporary_files_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(TransportError, match=r"a\.tar cannot be unpacked: No such file or directory\. .*TMPDIR"):
        unpacked(content_of(tmp_path, gzip.compress(RAW)), Settings())
