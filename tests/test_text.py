"""Sizes and times as people say them, and strangers' text that can do no harm."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb._suggestions import nearest
from ocinb._text import (
    card,
    counted,
    escape_html,
    fit,
    fit_path,
    human_duration,
    human_size,
    printable,
    short_digest,
    short_digests,
    shorten,
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


def test_long_texts_are_cut_and_say_so() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcdef…"


@pytest.mark.parametrize(
    ("width", "text", "path"), [(7, "abcdefg", "abcdefg"), (6, "abcde…", "a…defg"), (2, "a…", "…g"), (1, "…", "…")]
)
def test_what_has_no_room_is_cut_to_it(width: int, text: str, path: str) -> None:
    assert fit("abcdefg", width) == text
    assert fit_path("abcdefg", width) == path


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 files, 0 entries"), (1, "1 file, 1 entry"), (1200, "1,200 files, 1,200 entries")]
)
def test_numbers_stand_before_nouns(number: int, text: str) -> None:
    assert f"{counted(number, 'file')}, {counted(number, 'entry', 'entries')}" == text


@pytest.mark.parametrize(
    ("digest", "short"),
    [
        (f"sha256:{'0123456789abcdef' * 4}", "0123456789ab"),
        (f"sha512:{'fedcba9876543210' * 8}", "fedcba987654"),
        ("0123456789abcdef", "0123456789ab"),
        ("", ""),
    ],
)
def test_digests_are_cut_as_docker_cuts_ids(digest: str, short: str) -> None:
    assert short_digest(digest) == short


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Ünï 🐳 עברית", "plain, Ünï 🐳 עברית"),
        ("line\nline\r\ttab", r"line\nline\r\ttab"),
        ("\x1b]0;title\x07\x9b2J", r"\x1b]0;title\x07\x9b2J"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\u2066\u2069\u200e\u200f\u061c", r"\u2066\u2069\u200e\u200f\u061c"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("half \ud83d", r"half \ud83d"),
    ],
)
def test_control_characters_become_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


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


def test_a_name_that_was_mistyped_is_found_and_one_that_is_far_off_is_not() -> None:
    assert nearest("lates", iter(["latest", "3.12"])) == "latest"
    assert nearest("lates", ["latest"], cutoff=0.95) is None
    assert nearest("lates", []) is None


def test_a_card_shows_its_parts_and_does_nothing_else() -> None:
    html = card("<b>", "<i>", [("<u>", "<s>", "<em>"), ("name", "value")], "<pre>body</pre>")
    for part in ("b", "i", "u", "s", "em"):
        assert f"&lt;{part}&gt;" in html
    assert html.count("<tr") == 2
    assert html.endswith("<pre>body</pre></div>")
    assert "<table" not in card("title", "note", [])


@pytest.mark.parametrize("digits", [64, 96, 128])
def test_digests_in_a_text_are_cut_and_nothing_else(digits: int) -> None:
    whole = ("0123456789abcdef" * 8)[:digits]
    assert short_digests(f"a@sha256:{whole}, sha256-{whole}.sig") == "a@sha256:0123456789ab…, sha256-0123456789ab….sig"
    for text in ("", "a" * 63, f"g{'a' * 63}g", "demo/shop:2.0", "deadbeef"):
        assert short_digests(text) == text
