"""No more comes out of what is compressed than people allow, and nothing fills the memory."""

from __future__ import annotations

import lzma

import pytest

from ocinb._settings import MIB
from ocinb.archive import compression
from ocinb.archive.compression import Limits
from ocinb.errors import IntegrityError, InvalidError
from tests.archive.packers import PACKERS, PLAIN, unpack


def skipped(content: bytes, mark: int = 0x50) -> bytes:
    """Give a frame of zstd that is to be passed over (RFC 8878, 3.1.2)."""
    return bytes([mark]) + b"\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


def test_frames_to_skip_count_as_parts_without_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MOST_EMPTY_MEMBERS", 5)
    some = PACKERS["zstd"](b"some")
    assert unpack((skipped(b"a TOC") + some) * 20 + skipped(b"")) == b"some" * 20
    with pytest.raises(InvalidError, match="MOST_EMPTY_MEMBERS = 5"):
        unpack(some + skipped(b"") * 7)


@pytest.mark.parametrize("length", [4, 7, 8, 12])
def test_a_frame_to_skip_that_is_cut_off(length: int) -> None:
    some = PACKERS["zstd"](PLAIN)
    with pytest.raises(IntegrityError, match=f"layer 3 is cut off: its zstd has no end at byte {len(some) + length:,}"):
        unpack(some + skipped(b"a TOC")[:length])


def test_a_dictionary_of_xz_has_a_limit() -> None:
    raw = lzma.compress(PLAIN, preset=9)
    assert unpack(raw) == PLAIN
    for few in (0, MIB):
        with pytest.raises(
            InvalidError, match=rf"layer 3 needs more memory .* by xz than max_window_bytes = {few:,}\."
        ):
            unpack(raw, limits=Limits(10**6, 1, few))
