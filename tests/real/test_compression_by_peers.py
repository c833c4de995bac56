"""What gzip, bzip2, xz and zstd packed comes out whole, and what they refuse or warn of is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ocinb._settings import MIB, Settings
from ocinb.archive.compression import Limits, compression_of, decompressed
from ocinb.errors import IntegrityError, InvalidError
from ocinb.samples.tars import noise
from tests.patience import SECONDS
from tests.real.tools import require, run

pytestmark = pytest.mark.real

PLAIN = noise("packed", MIB) + b"again and again " * 200_000 + bytes(MIB)
SHORT = b"short " * 100
SKIPPED = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"TOC"


def unpack(raw: bytes) -> bytes:
    return b"".join(decompressed([raw], Limits.of(Settings()), "it"))


def packed(tool: str, *arguments: str | Path, plain: bytes) -> bytes:
    """Have it read from a pipe, as builders do."""
    command = [require(tool), "-c", *map(str, arguments)]
    return subprocess.run(command, input=plain, capture_output=True, check=True, timeout=SECONDS).stdout


@pytest.mark.parametrize(
    "command",
    [
        ["gzip", "-1"],
        ["gzip", "-9"],
        ["bzip2", "-1"],
        ["bzip2", "-9"],
        ["xz", "-0"],
        ["xz", "-9"],
        ["xz", "-T2", "--block-size=500000"],
        ["xz", "--check=none"],
        ["xz", "--x86", "--lzma2=preset=1"],
        ["zstd", "-1"],
        ["zstd", "--ultra", "-22"],
        ["zstd", "-T2", "-B500000"],
        ["zstd", "--long=27", "--no-check"],
    ],
    ids=" ".join,
)
def test_what_they_pack_comes_out(command: list[str]) -> None:
    raw = packed(*command, plain=PLAIN)
    assert compression_of(raw) == command[0]
    assert unpack(raw) == PLAIN
    assert unpack(raw + packed(*command, plain=b"") + packed(*command, plain=SHORT)) == PLAIN + SHORT


def test_a_packed_file_has_its_name_in_it(tmp_path: Path) -> None:
    (tmp_path / "layer.tar").write_bytes(PLAIN)
    run("gzip", "-1", tmp_path / "layer.tar")
    raw = (tmp_path / "layer.tar.gz").read_bytes()
    assert b"layer.tar\0" in raw[:30]
    assert unpack(raw) == PLAIN


def test_a_window_is_as_large_as_zstd_takes_it_unasked(tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(packed("zstd", "--long=28", plain=PLAIN))
    with pytest.raises(RuntimeError, match="Window size larger than maximum"):
        run("zstd", "-dc", tmp_path / "it")
    with pytest.raises(InvalidError, match="max_window_bytes"):
        unpack((tmp_path / "it").read_bytes())


@pytest.mark.parametrize("tool", ["gzip", "xz", "zstd"])
@pytest.mark.parametrize(
    "behind",
    [
        b"",
        b"\0",
        bytes(3),
        bytes(4),
        bytes(10_240),
        bytes(4) + b"x",
        b"garbage",
        b"MEMBER",
        b"MEMBERMEMBER",
        bytes(4) + b"MEMBER",
        bytes(6) + b"MEMBER",
        b"MEMBER" + bytes(8),
        b"MEMBER"[:3],
        SKIPPED,
        SKIPPED + b"MEMBER" + SKIPPED,
        b"CUT",
    ],
)
def test_we_take_what_they_take_without_a_warning(tool: str, behind: bytes) -> None:
    member = packed(tool, plain=SHORT)
    raw = member + behind.replace(b"MEMBER", member).replace(b"CUT", member[:-5])
    done = subprocess.run([require(tool), "-dc"], input=raw, capture_output=True, check=False, timeout=SECONDS)
    if done.returncode == 0:
        assert unpack(raw) == done.stdout
    else:
        with pytest.raises(IntegrityError):
            unpack(raw)
