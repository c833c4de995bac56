"""A story as Markdown: whatever a stranger wrote is text in it, and neither Markdown nor HTML."""

from __future__ import annotations

from typing import Any

import mistune
from hypothesis import given
from hypothesis import strategies as st

from ocinb._text import printable
from ocinb.notebook.explain.markdown import escaped, markdown
from ocinb.notebook.explain.story import (
    Chapter,
    Code,
    Document,
    Figure,
    Figures,
    Hash,
    Listing,
    Prose,
    Row,
    Table,
)
from tests.frames.test_contents import TEXTS

HOSTILE = [
    *TEXTS,
    "# a heading",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "https://evil.example www.evil.example a@evil.example",
    "`` ` ``` `",
    "`",
    " ` ",
    "a | b \\| c \\\\| d",
    "\\",
    "``` \n# out",
    "<b>&amp;</b>",
    "$x^2$ ~~gone~~ **bold** _it_",
    "",
    "   ",
]
SAFE = {"paragraph", "text", "heading", "blank_line", "table", "table_head", "table_body", "table_row", "table_cell"}
_parse: Any = mistune.create_markdown(renderer="ast", plugins=["table", "strikethrough", "url"])


def tokens(text: str) -> list[dict[str, Any]]:
    """Give all tokens that a parser finds."""
    found: list[dict[str, Any]] = []
    todo = list(_parse(text))
    while todo:
        token = todo.pop(0)
        found.append(token)
        todo += token.get("children", [])
    return found


def story(*parts: Any) -> Document:
    return Document("x", ("x",), ("x = 1",), (Chapter("One", ("x",), parts),))


def told_with(text: str) -> Document:
    cells = ((Code(text),), (Hash(text),))
    return Document(
        text,
        (Code(text),),
        ("ref = 1",),
        (
            Chapter(
                "One",
                (Code(text),),
                (
                    Prose((Code(text), " end")),
                    Listing("raw", text),
                    Figures((Figure("a", (Code(text),), "1", 1),)),
                    Table("t", ("a", "b"), (Row(cells, line=f"f({text!r})"),), "2"),
                ),
            ),
        ),
    )


@given(st.text(st.sampled_from("`|\\ab<>[]()*_ \n"), max_size=12))
def test_nothing_is_made_of_any_text(text: str) -> None:
    found = tokens(markdown(told_with(text)))
    assert {token["type"] for token in found} <= SAFE | {"codespan", "block_code"}
    assert [len(one["children"]) for one in found if one["type"] == "table_row"] == [3, 3]


@given(st.text(max_size=30).filter(lambda text: text.strip() and "|" not in text))
def test_a_text_reads_as_it_was_written(text: str) -> None:
    shown = [token["raw"] for token in tokens(markdown(story(Prose((Code(text),))))) if token["type"] == "codespan"]
    assert printable(text).strip() in [one.strip() for one in shown]


@given(st.text(st.characters(codec="ascii"), max_size=20))
def test_our_own_words_are_no_markdown_either(text: str) -> None:
    found = tokens(f"x {escaped(text)} x")
    assert {token["type"] for token in found} <= {"paragraph", "text", "linebreak"}
