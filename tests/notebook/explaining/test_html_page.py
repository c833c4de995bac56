"""A story as a page: each part in its form, whatever a stranger wrote as text, and a script that only adds buttons."""

from __future__ import annotations

from typing import Any

import mistune
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ocinb
from ocinb._text import printable
from ocinb.notebook.explain.explain import Story
from ocinb.notebook.explain.html_page import fragment
from ocinb.notebook.explain.markdown import escaped, markdown
from ocinb.notebook.explain.story import (
    Chapter,
    Code,
    Document,
    Figure,
    Figures,
    Hash,
    Listing,
    Note,
    Prose,
    Row,
    Table,
)
from ocinb.samples import SampleRegistry
from tests.frames.test_contents import HARMFUL, TEXTS, put_hostile
from tests.notebook.reading import Reader

HOSTILE = [
    *TEXTS,
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "</details></div></body>",
    "javascript:x",
]
# What a page may be made of.
TAGS = set(
    "div style h3 p code pre details summary span b i a table thead tbody tr th td script time wbr "
    "html head body title meta".split()
)
ATTRIBUTES = set("class style title open href rel target tabindex scope colspan type onclick lang charset".split())


class Page(Reader):
    """Reads a page, and what its scripts say by themselves."""

    def __init__(self, html: str) -> None:
        self.scripts: list[str] = []
        super().__init__(html)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts.append(data)
        else:
            super().handle_data(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "meta":
            self.tags.append(tag)
        else:
            super().handle_starttag(tag, attrs)


def told(*parts: object, name: str = "python:3.12") -> Document:
    return Document(name, ("7 layers",), ("import ocinb",), (Chapter("One", ("gist",), parts),))  # type: ignore[arg-type]


def test_trouble_is_told_in_words_and_not_by_colour_alone() -> None:
    page = fragment(told(Note((Code("it broke"),), is_trouble=True)), "")
    assert "It went wrong here." in Page(page).text


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_image_does_no_harm(registry: SampleRegistry, text: str) -> None:
    story = ocinb.explain(put_hostile(registry, text))
    page = Page(story.html)
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert not HARMFUL.search(page.text)
    assert {value for name, value in page.attributes if name == "onclick"} == {onclick(story)}
    addresses = [value or "" for name, value in page.attributes if name == "href"]
    assert [one for one in addresses if not one.startswith("https://")] == []


def onclick(story: Story) -> str:
    """Give the one handler that all windows have."""
    return next(str(value) for name, value in Page(story._repr_html_()).attributes if name == "onclick")


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
