from __future__ import annotations

import pytest

from ocinb.archive.limits import Spending, TarLimits, held_bytes
from ocinb.errors import InvalidError

FEW = TarLimits(entries=3, header_bytes=10, content_bytes=100, hole_bytes=50, name_bytes=20)


def test_headers_are_those_of_one_entry() -> None:
    spending = Spending(FEW, "the layer")
    for _ in range(3):
        assert spending.in_headers == 0
        spending.headers(10, 512)
        assert spending.in_headers == 10
        spending.in_headers = 0
    spending.headers(10, 512)
    with pytest.raises(
        InvalidError, match="entry at byte 1,024 of the layer has headers of 11 bytes, more than max_tar_h"
    ):
        spending.headers(1, 1024)


def test_sizes_holes_and_names_add_up() -> None:
    spending = Spending(FEW, "the layer")
    for _ in range(2):
        spending.sparse_file(50)
        spending.holes(25)
        spending.names(["n" * 6, "t" * 4])
    with pytest.raises(InvalidError, match="sparse files of 101 bytes, more than max_unpacked_bytes = 100"):
        spending.sparse_file(1)
    with pytest.raises(InvalidError, match=r"51 bytes of holes, more than max_hole_bytes = 50\. Set more"):
        spending.holes(1)
    with pytest.raises(InvalidError, match=r"link targets of 21 bytes, more than max_tar_name_bytes = 20\. Set more"):
        spending.names(["n"])


def test_as_many_entries_as_are_allowed() -> None:
    spending = Spending(FEW, "the layer")
    spending.entry(2)
    with pytest.raises(InvalidError, match="the layer has more entries than max_tar_entries = 3"):
        spending.entry(3)


def test_what_has_no_limit_is_let_pass() -> None:
    spending = Spending(TarLimits(1, 1, 1), "the layer")
    spending.holes(10**15)
    spending.names(["n" * 100])


@pytest.mark.parametrize(
    ("text", "least"), [("", 0), ("abc", 3), ("é" * 1000, 1000), ("語" * 1000, 2000), ("a" * 1000 + "😀", 4004)]
)
def test_a_text_counts_as_what_it_takes(text: str, least: int) -> None:
    assert least <= held_bytes([text]) < least + 50 * (not text.isascii()) + 1
    assert held_bytes([text, text]) == 2 * held_bytes([text])
