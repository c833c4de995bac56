"""A preview shows text as text, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.notebook.explore.serialize import preview
from tests.frames.test_hostile_text import HARMFUL


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
