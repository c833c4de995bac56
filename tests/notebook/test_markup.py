"""The small pieces of HTML keep what they show whole, and let nothing of a stranger through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from ocinb.notebook import markup
from tests.notebook.reading import Reader

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\x1b[2J\u202e'


def test_a_digest_stands_there_in_full_however_little_of_it_is_shown() -> None:
    read = Reader(markup.digest(DIGEST))
    assert read.text == DIGEST, "so that it is whole without styles, and when it is copied"
    assert ("title", DIGEST) in read.attributes
    assert f"</i>{DIGEST[7:19]}<i>" in markup.digest(DIGEST)


@pytest.mark.parametrize("text", ["abc", "sha256:abc", "0123456789abcdef" * 4, ":", "a:b:c"])
def test_what_is_hardly_a_digest_stands_there_in_full_too(text: str) -> None:
    assert Reader(markup.digest(text)).text == text


def test_what_is_not_there_is_a_dash() -> None:
    pieces = [markup.digest(None), markup.digest(""), markup.size(None), markup.moment(None), markup.folded(None)]
    assert pieces == [markup.missing()] * 5


def test_a_size_is_human_and_says_its_bytes_on_hover() -> None:
    read = Reader(markup.size(42_135_552))
    assert read.text == "42.1 MB"
    assert ("title", "42,135,552 bytes") in read.attributes
    assert ("title", "1 byte") in Reader(markup.size(1)).attributes
    assert Reader(markup.size(0)).text == "0 B", "which is not the same as unknown"


def test_a_moment_is_told_in_utc() -> None:
    there = datetime(2024, 5, 4, 0, 30, 1, 5, tzinfo=timezone(timedelta(hours=2)))
    read = Reader(markup.moment(there))
    assert read.text == "2024-05-03 22:30"
    assert ("title", "2024-05-03 22:30:01.000005 UTC") in read.attributes
    assert markup.moment(there.astimezone(UTC)) == markup.moment(there)


def test_a_long_instruction_is_folded_and_whole_inside() -> None:
    instruction = "RUN apt-get update &&\n    apt-get install " + " ".join(f"package-{n}" for n in range(20))
    read = Reader(markup.folded(instruction))
    assert read.tags == ["details", "summary", "code", "pre"]
    assert read.text.endswith(instruction), "with its lines"
    assert Reader(markup.folded("RUN make")).tags == ["code"]


def test_what_is_longer_than_people_read_is_cut() -> None:
    assert len(Reader(markup.folded("x" * 10_000)).text) < markup.SHOWN_CHARACTERS + markup.FOLDED_CHARACTERS + 5
    assert Reader(markup.cut("x" * 10_000)).text == "x" * markup.SHOWN_CHARACTERS + "…"


@pytest.mark.parametrize("piece", [markup.digest, markup.folded, markup.cut, markup.lines])
def test_nothing_of_a_stranger_gets_through(piece: object) -> None:
    assert callable(piece)
    read = Reader(piece(HOSTILE))
    assert not {"script", "img"} & set(read.tags)
    assert {name for name, _ in read.attributes} <= {"class", "title"}
    assert not {"\x1b", "\u202e"} & set(read.text)


def test_a_box_brings_the_styles_and_no_word_more() -> None:
    read = Reader(markup.box("show", "<p>body</p>", ".ocinb-show p { color: red; }"))
    assert read.text == "body"
    assert ("class", "ocinb ocinb-show mathjax_ignore") in read.attributes
    box = markup.box("show", "", ".ocinb-show p { color: red; }")
    assert markup.style_beside(markup.__file__) in box
    assert ".ocinb-show p" in box


def test_a_box_copies_digests_where_there_are_some() -> None:
    assert "onclick" not in markup.box("show", markup.size(1))
    assert "onclick" in markup.box("show", markup.digest(DIGEST))


def test_each_rule_is_of_our_windows_alone() -> None:
    sheet = Path(markup.__file__).with_suffix(".css").read_text(encoding="utf-8")
    rules = [line for line in sheet.splitlines() if "{" in line]
    assert rules
    assert all(line.startswith(".ocinb") for line in rules)
