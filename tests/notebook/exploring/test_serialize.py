"""What is told of entries is what JSON has, and fit for eyes where it is for eyes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.notebook.explore.serialize import moment, preview, row_told, version_told
from ocinb.samples.tars import directory, file, symlink, whiteout
from tests.frames.test_contents import HARMFUL
from tests.notebook.exploring.asking import explored

IMAGE = explored([[directory("a", mode=0o700, owner=5), file("a/x", "xxx"), file("b/y", "y")], [whiteout("a/x")]])


def test_times_that_no_calendar_has_are_none() -> None:
    assert moment(None) is moment(10**18) is moment(-(10**18)) is None
    assert moment(0) == "1970-01-01T00:00:00+00:00"


def test_all_of_it_is_json() -> None:
    image = explored([[symlink("l", "\udcff\u202e"), file("x", "y")]])
    view = image.view(0)
    told = [row_told(image, view, row) for row in range(len(view))] + [version_told(image, (0, 0))]
    assert "\u202e" not in json.dumps(told, ensure_ascii=False, allow_nan=False).encode().decode()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"plain\n", "plain\n"),
        (b"a\tb\r\nc\rd", "a\tb\nc\nd"),
        ("é ü 漢\n".encode(), "é ü 漢\n"),
        (b"\xef\xbb\xbfmarked", "marked"),
        ("sixteen\n".encode("utf-16"), "sixteen\n"),
        (b"an old caf" + b"\xe9 in this town", "an old caf\\xe9 in this town"),
        (b"some colours here: \x1b[31mred\x1b[0m", "some colours here: \\x1b[31mred\\x1b[0m"),
        ("turned \u202egnp.exe".encode(), "turned \\u202egnp.exe"),
        (b"\x00", None),
        (b"\x7fELF\x02\x01", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (bytes(range(1, 256)), None),
    ],
)
def test_previews(raw: bytes, text: str | None) -> None:
    assert preview(raw).text == text
    assert not preview(raw).is_cut


@given(st.binary(max_size=200))
def test_nothing_of_it_moves_a_terminal(raw: bytes) -> None:
    text = preview(raw).text
    assert text is None or not HARMFUL.search(text)
