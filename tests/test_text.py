"""Sizes and times as people say them, and strangers' text that can do no harm."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb._text import (
    card,
    escape_html,
    fit,
    fit_path,
    human_duration,
    human_size,
    printable,
)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "?"),
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1024, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (42_135_552, "42.1 MB"),
        (10**9, "1.0 GB"),
        (2.5 * 10**12, "2.5 TB"),
    ],
)
def test_sizes(size: float | None, text: str) -> None:
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "under 0.1 s"),
        (0.04, "under 0.1 s"),
        (0.42, "0.4 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (83.4, "1 min 23 s"),
        (3599.6, "1 h 0 min"),
        (7384, "2 h 3 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("width", "text", "path"), [(7, "abcdefg", "abcdefg"), (6, "abcde…", "a…defg"), (2, "a…", "…g"), (1, "…", "…")]
)
def test_what_has_no_room_is_cut_to_it(width: int, text: str, path: str) -> None:
    assert fit("abcdefg", width) == text
    assert fit_path("abcdefg", width) == path


@given(st.text(alphabet=st.characters()))
def test_what_is_printable_is_one_line_that_can_be_written_and_stays_as_it_is(text: str) -> None:
    shown = printable(text)
    assert len(f"{shown}.".splitlines()) == 1
    assert shown.encode().decode() == shown
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '" onload="x', "' onload='x", "a & b &lt;", "<!--", "\x00<\x1b>", "é"]
)
def test_html_shows_the_text_and_does_nothing(text: str) -> None:
    escaped = escape_html(text)
    assert not set(escaped) & set("<>\"'\x00\x1b")
    assert html.unescape(escaped) == printable(text)


def test_a_card_shows_its_parts_and_does_nothing_else() -> None:
    html = card("<b>", "<i>", [("<u>", "<s>", "<em>"), ("name", "value")], "<pre>body</pre>")
    for part in ("b", "i", "u", "s", "em"):
        assert f"&lt;{part}&gt;" in html
    assert html.count("<tr") == 2
    assert html.endswith("<pre>body</pre></div>")
    assert "<table" not in card("title", "note", [])
