"""A story as a page: each part in its form, whatever a stranger wrote as text, and a script that only adds buttons."""

from __future__ import annotations

import json
import re

import pytest

import ocinb
from ocinb.notebook.explain.explain import Story
from ocinb.notebook.explain.html_page import fragment, whole
from ocinb.notebook.explain.story import (
    FIRST,
    LAST,
    Chapter,
    Code,
    Figure,
    Figures,
    Listing,
    Note,
    Prose,
    Row,
    Table,
    Told,
)
from ocinb.samples import SampleRegistry
from tests.frames.test_hostile_text import HARMFUL, TEXTS, put_hostile
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


def told(*parts: object, name: str = "python:3.12") -> Told:
    return Told(name, ("7 layers",), ("import ocinb",), (Chapter("One", ("gist",), parts),))  # type: ignore[arg-type]


def test_each_figure_stands_beside_its_line() -> None:
    figure = Figure("layers", ("7",), 'len(ocinb.layers(ref, platform="linux/amd64"))', 7)
    page = fragment(told(Figures((figure,))), "")
    assert '<th scope="row">layers</th><td class="value">7</td>' in page
    assert ">len(ocinb.layers(ref, platform=&quot;linux/amd64&quot;))</code>" in page


def test_the_first_chapter_is_open_and_the_others_are_closed(registry: SampleRegistry) -> None:
    page = ocinb.explain(registry.reference("demo/hello"))._repr_html_()
    assert re.findall(r'<details class="chapter"( open)?>', page) == [" open", *[""] * 10]


def test_a_row_may_have_a_line_and_a_bar() -> None:
    rows = (Row((("0",),), "taken", line="f(0)", value=1), Row((("1",),), share=0.5, line="f(1)", value=2))
    page = fragment(told(Table("All", ("#n",), rows)), "")
    assert '<tr class="taken"><td class="number">0</td><td><code class="line"' in page
    assert 'style="width: 50.0%"' in page
    assert Page(page).cells == ["n", "returned by", "0", "f(0)", "1", "f(1)"]


def test_a_long_table_shows_its_ends() -> None:
    rows = tuple(Row(((str(number),),)) for number in range(1000))
    cells = Page(fragment(told(Table("Many", ("#n",), rows, "f()")), "")).cells
    assert len(cells) == 1 + FIRST + 1 + LAST
    assert f"… {1000 - FIRST - LAST:,} more; the line gives all of them" in cells


def test_trouble_is_told_in_words_and_not_by_colour_alone() -> None:
    page = fragment(told(Note((Code("it broke"),), is_trouble=True)), "")
    assert "It went wrong here." in Page(page).text


@pytest.mark.parametrize("text", HOSTILE)
def test_what_strangers_wrote_is_text(text: str) -> None:
    parts = (
        Prose((Code(text),)),
        Listing("raw", text),
        Figures((Figure("a", (Code(text),), f"f({text!r})", 1),)),
        Table("t", ("a",), (Row(((Code(text),),)),), "2"),
    )
    page = Page(whole(told(*parts, name=text), text.encode("utf-8", "replace").decode()))
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert page.tags.count("script") == 2
    assert json.loads(page.scripts[0]) == text.encode("utf-8", "replace").decode()


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


def test_the_buttons_are_made_by_the_script(registry: SampleRegistry) -> None:
    story = ocinb.explain(registry.reference("demo/hello"))
    page = Page(story._repr_html_())
    assert "button" not in page.tags
    assert json.loads(page.scripts[0]) == story.markdown
    assert "Copy as Markdown" in page.scripts[1]
