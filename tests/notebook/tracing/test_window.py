"""The window shows each exchange, opens into its headers, challenge and claims, and escapes all of it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from ocinb.notebook.trace.window import FIRST, LAST, window
from tests.notebook.tracing.telling import CHALLENGE, step

VOID = {"br"}


class Reader(HTMLParser):
    """Reads HTML, and knows when a tag is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def read(*args: Any, **kwargs: Any) -> Reader:
    reader = Reader(window(*args, **kwargs))
    assert reader.open == []
    return reader


def test_a_story_has_a_row_for_each_and_names_a_host_once() -> None:
    told = read([step(status=401), step("https://auth.example/token", started=1), step(started=2), step(started=3)], "")
    assert told.tags.count("details") == 4
    assert told.text.startswith("4 exchanges with 2 hosts")
    rows = told.text.count("registry.example/v2/demo/shop/manifests/2.0")
    assert rows == 3 + 2, "in the details of three, and where the host is another than before"
    assert "401 Unauthorized" in told.text


def test_the_challenge_is_read() -> None:
    told = read([step(status=401, response_headers={"www-authenticate": CHALLENGE})], "").text
    assert "The challenge: Bearer" in told
    assert "ask for a token at https://auth.example/token" in told
    assert "for the service registry that opens repository:demo/shop:pull" in told


@pytest.mark.parametrize("header", ["", ",,,", "Bearer", '"""', "Basic realm=", "=" * 100, "Bearer realm=\x00<b>"])
def test_an_odd_challenge_is_no_error(header: str) -> None:
    assert (
        "<b>" not in window([step(status=401, response_headers={"www-authenticate": header})], "").split("</b>", 1)[1]
    )


def test_claims_are_told_in_words() -> None:
    claims = {"exp": 1_764_000_000, "sub": "", "other": {"a": [1]}}
    told = read([step(token_claims=claims)], "").text
    assert 'valid until 2025-11-24 16:00:00 UTC given to nobody in particular other {"a": [1]}' in told


EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[2J\u202e"


def test_strangers_are_escaped_wherever_they_stand() -> None:
    told = read(
        [
            step(
                f"https://{EVIL}/{EVIL}?{EVIL}",
                method=EVIL,
                reason=EVIL,
                status=401,
                request_headers={EVIL: EVIL},
                response_headers={EVIL: EVIL, "www-authenticate": f'Bearer realm="{EVIL}",service={EVIL}'},
                token_claims={EVIL: EVIL, "access": [{"type": EVIL, "name": EVIL, "actions": [EVIL]}], "exp": EVIL},
            )
        ],
        EVIL,
    )
    assert not {"script", "img"} & set(told.tags)
    assert told.attributes <= {"class", "style"}
    assert "<script>alert(1)</script>" in told.text
    assert "\x1b" not in told.text
    assert "\u202e" not in told.text


def test_of_very_many_the_ends_are_shown() -> None:
    told = read([step(started=number) for number in range(10_000)], "")
    assert told.tags.count("details") == FIRST + LAST
    assert "… 9,750 more; .frame has them all" in told.text
    assert told.text.startswith("10,000 exchanges")


def test_a_long_header_is_cut() -> None:
    assert len(window([step(request_headers={"x": "y" * 100_000})], "")) < 20_000


def test_none_is_told_too() -> None:
    assert read([], "nothing was asked").text == "No exchange nothing was asked"
