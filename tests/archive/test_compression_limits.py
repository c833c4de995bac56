"""No more comes out of what is compressed than people allow, and nothing fills the memory."""

from __future__ import annotations

import lzma
import tracemalloc
from dataclasses import replace

import pytest

from ocinb._settings import MIB
from ocinb.archive import compression
from ocinb.archive.compression import Limits, decompressed
from ocinb.errors import IntegrityError, InvalidError
from ocinb.samples.tars import noise
from tests.archive.packers import PACKERS, PLAIN, pieces, unpack


def test_no_more_comes_out_than_people_allow(packer: str) -> None:
    raw = PACKERS[packer](bytes(3_000_000))
    assert len(unpack(raw, limits=Limits(3_000_000, 1, MIB * 128))) == 3_000_000, "so little is harmless"
    with pytest.raises(InvalidError, match=r"too large when it is unpacked: max_unpacked_bytes = 2,999,999\. Set more"):
        unpack(raw, limits=Limits(2_999_999, 200, MIB * 128))


def test_no_more_times_as_much_comes_out_than_people_allow(packer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "HARMLESS_BYTES", 1_000_000)
    raw = PACKERS[packer](bytes(3_000_000))
    ratio = 3_000_000 // len(raw)
    assert len(unpack(raw, limits=Limits(10**9, ratio + 1, 128 * MIB), size=len(raw))) == 3_000_000
    with pytest.raises(InvalidError, match=rf"too large when it is unpacked: max_unpacked_ratio = {ratio:,}\. Set"):
        unpack(raw, limits=Limits(10**9, ratio, 128 * MIB), size=len(raw))


def test_what_is_harmless_is_so_whatever_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    raw, limits = PACKERS["gzip"](bytes(3_000_000)), Limits(10**9, 0, 128 * MIB)
    monkeypatch.setattr(compression, "HARMLESS_BYTES", 3_000_000)
    assert len(unpack(raw, limits=limits)) == 3_000_000
    monkeypatch.setattr(compression, "HARMLESS_BYTES", 2_999_999)
    with pytest.raises(InvalidError, match="max_unpacked_ratio = 0"):
        unpack(raw, limits=limits)


def test_the_ratio_is_one_to_the_whole_where_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "HARMLESS_BYTES", 1_000_000)
    plain = bytes(20 * MIB) + noise("then something", 2 * MIB)
    raw = PACKERS["gzip"](plain)
    limits = Limits(10**9, 20, 128 * MIB)
    assert unpack(*pieces(raw, 1000), limits=limits, size=len(raw)) == plain
    with pytest.raises(InvalidError, match="max_unpacked_ratio = 20"):
        unpack(*pieces(raw, 1000), limits=limits)


def test_a_bomb_is_left_alone_after_a_bit_of_it(packer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "HARMLESS_BYTES", 5 * MIB)
    raw = PACKERS[packer](bytes(40 * MIB))
    given_out = list[int]()
    tracemalloc.start()
    with pytest.raises(InvalidError, match="max_unpacked_ratio = 3"):
        given_out.extend(map(len, decompressed([raw], Limits(10**12, 3, 128 * MIB), "layer 3")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(given_out) <= 5 * MIB
    assert peak < 24 * MIB, "a few chunks"


def skipped(content: bytes, mark: int = 0x50) -> bytes:
    """Give a frame of zstd that is to be passed over (RFC 8878, 3.1.2)."""
    return bytes([mark]) + b"\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


def test_parts_without_content_have_a_limit(packer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MOST_EMPTY_MEMBERS", 5)
    empty, some = PACKERS[packer](b""), PACKERS[packer](b"some")
    assert unpack(empty * 5) == b""
    assert unpack((some + empty) * 20 + empty * 4) == b"some" * 20
    assert unpack(some * 20) == b"some" * 20
    said = r"layer 3 has, up to byte [\d,]+, 6 parts of \w+ without content beyond .* more than MOST_EMPTY_MEMBERS = 5$"
    for raw in (empty * 6, some + empty * 7, some * 20 + empty * 6, (some + empty * 2) * 10):
        with pytest.raises(InvalidError, match=said):
            unpack(raw)


def test_frames_to_skip_count_as_parts_without_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MOST_EMPTY_MEMBERS", 5)
    some = PACKERS["zstd"](b"some")
    assert unpack((skipped(b"a TOC") + some) * 20 + skipped(b"")) == b"some" * 20
    with pytest.raises(InvalidError, match="MOST_EMPTY_MEMBERS = 5"):
        unpack(some + skipped(b"") * 7)


@pytest.mark.parametrize("mark", range(0x50, 0x60))
def test_frames_to_skip_need_no_library(mark: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes five times as long."""
    made, decoder = list[bytes](), compression._zstd

    def making(beginning: bytes, limits: Limits) -> object:
        made.append(beginning[:4])
        return decoder(beginning, limits)

    format_ = compression._FORMATS["zstd"]
    monkeypatch.setitem(compression._FORMATS, "zstd", replace(format_, decoder=making))  # type: ignore[arg-type] # it is one
    some = PACKERS["zstd"](PLAIN)
    for content in (b"", b"x", b"x" * 3_000_000):
        assert unpack(*pieces(skipped(content, mark) + some + skipped(content, mark), 100_000)) == PLAIN
    assert made == [some[:4]] * 3


@pytest.mark.parametrize("length", [4, 7, 8, 12])
def test_a_frame_to_skip_that_is_cut_off(length: int) -> None:
    some = PACKERS["zstd"](PLAIN)
    with pytest.raises(IntegrityError, match=f"layer 3 is cut off: its zstd has no end at byte {len(some) + length:,}"):
        unpack(some + skipped(b"a TOC")[:length])


def test_a_bomb_in_a_bomb_is_a_file_in_a_layer() -> None:
    inner = PACKERS["gzip"](bytes(MIB))
    assert unpack(PACKERS["zstd"](inner)) == inner
    assert unpack(PACKERS["gzip"](inner * 3)) == inner * 3


def frame_with_window(exponent: int) -> bytes:
    """Give a frame of five bytes that asks for so much memory (RFC 8878, 3.1.1.1.2)."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([(exponent - 10) << 3]) + (5 << 3 | 1).to_bytes(3, "little") + b"hello"


def test_a_window_of_zstd_has_a_limit() -> None:
    assert unpack(frame_with_window(27)) == b"hello"
    with pytest.raises(InvalidError, match=r"layer 3 needs more memory .* zstd than max_window_bytes = 134,217,728\."):
        unpack(frame_with_window(28))
    assert unpack(frame_with_window(20), limits=Limits(10, 1, MIB)) == b"hello"
    with pytest.raises(InvalidError, match="max_window_bytes"):
        unpack(frame_with_window(20), limits=Limits(10, 1, MIB - 1))
    for harmless in (0, 2**40):
        assert unpack(frame_with_window(10), limits=Limits(10, 1, harmless)) == b"hello"


def test_a_dictionary_of_xz_has_a_limit() -> None:
    raw = lzma.compress(PLAIN, preset=9)
    assert unpack(raw) == PLAIN
    for few in (0, MIB):
        with pytest.raises(
            InvalidError, match=rf"layer 3 needs more memory .* by xz than max_window_bytes = {few:,}\."
        ):
            unpack(raw, limits=Limits(10**6, 1, few))
