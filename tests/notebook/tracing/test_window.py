"""The window shows each exchange, opens into its headers, challenge and claims, and escapes all of it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from ocinb.notebook.trace.window import window
from tests.notebook.tracing.telling import step

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


def test_a_long_header_is_cut() -> None:
    assert len(window([step(request_headers={"x": "y" * 100_000})], "")) < 20_000
