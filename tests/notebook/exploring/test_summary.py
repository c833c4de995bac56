"""The summary has the figures, and whatever an image is full of, it is HTML that does no harm."""

from __future__ import annotations

import re

import pytest

from ocinb.notebook.explore.backend import Answers, open_answers
from ocinb.notebook.explore.summary import FIRST, LAST, summary
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import file, whiteout
from tests.frames.layerfacts import put_layers, steps
from tests.frames.test_hostile_text import HARMFUL, TEXTS, put_hostile
from tests.notebook.reading import Reader

HOSTILE = [text for text in TEXTS if "\x00" not in text and "\ud800" not in text]


def read(answers: Answers) -> Reader:
    return Reader(summary(answers.opening, answers.highlights))


@pytest.fixture
def shop(registry: SampleRegistry) -> Reader:
    return read(open_answers(registry.reference("demo/shop:2.0"), platform="amd64"))


def test_it_says_what_the_image_is_and_comes_to(shop: Reader) -> None:
    assert re.search(r"demo/shop:2\.0 linux/amd64 · sha256:[0-9a-f]{64} · created 2025-06-02 · also for", shop.text)
    assert "7 layers · 6.3 MB compressed · 7.2 MB stored in files · 6.1 MB seen in 35 files" in shop.text
    assert "1.1 MB hidden (15.5%) · 84.0 kB in copies" in shop.text


def test_each_layer_is_a_row_with_its_sizes_and_instruction(shop: Reader) -> None:
    assert shop.cells[:7] == ["layer", " seen  hidden", "stored", "hidden", "compressed", "files", "instruction"]
    rows = [shop.cells[start : start + 7] for start in range(7, 56, 7)]
    assert [row[0] for row in rows] == list("0123456")
    assert rows[2][2:6] == ["3.4 MB", "800.0 kB", "2.8 MB", "11"]
    assert rows[3][2:] == ["0 B", "", "161 B", "0", "WORKDIR /srv/shop"]
    assert shop.tags.count("details") == 3, "those that are long are folded"


def test_the_bars_are_in_scale(shop: Reader) -> None:
    styles = [value or "" for name, value in shop.attributes if name == "style"]
    widths = [float(re.fullmatch(r"width: ([\d.]+)%", style)[1]) for style in styles]  # type: ignore[index]
    assert max(widths) < 100
    base, largest = 1_649_415, 3_361_735  # what layers 0 and 2 store
    assert widths[:2] == [round(100 * part / largest, 2) for part in (base - 1220, 1220)]
    assert sum(widths[4:6]) == pytest.approx(100)


def test_the_largest_come_first(shop: Reader) -> None:
    assert "5.4 MB18usr/" in "".join(shop.cells)
    largest = shop.cells.index("usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0")
    assert shop.cells[largest - 1] == "1.5 MB"
    assert "400.0 kB" in shop.cells
    assert "layer 2, deleted in 5" in shop.cells
    assert "layer 4, folder emptied in 5" in shop.cells


def test_an_image_without_anything(registry: SampleRegistry) -> None:
    told = read(open_answers(put_layers(registry)))
    assert "0 layers · 0 B compressed · 0 B stored in files · 0 B seen in 0 files" in told.text
    assert "It has no layers." in told.text
    assert "table" not in told.tags


def test_layers_without_anything_have_no_bars(registry: SampleRegistry) -> None:
    told = read(open_answers(put_layers(registry, [], [])))
    assert told.cells.count("0 B") == 2
    assert not [value for name, value in told.attributes if name == "style"]


def test_of_very_many_layers_the_ends_are_shown(registry: SampleRegistry) -> None:
    told = read(open_answers(put_layers(registry, *[[file("a", "x")]] * (FIRST + LAST + 5))))
    assert "… 5 more; ocinb.layers lists them all" in told.text
    assert told.text.count("100 B") == 0
    assert str(FIRST + 4) not in told.cells
    assert str(FIRST + 5) in told.cells


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_strangers_texts_in_documents_do_no_harm(registry: SampleRegistry, text: str) -> None:
    _assert_harmless(open_answers(put_hostile(registry, text)))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_strangers_names_do_no_harm(registry: SampleRegistry, text: str) -> None:
    name = text.replace("/", "-")
    stack = [[file(name, "x"), file(f"d/{name}", "xx")], [whiteout(f"d/{name}")]]
    told = _assert_harmless(open_answers(put_layers(registry, *stack, history=steps(text, text))))
    assert max(map(len, re.split(r"\s", told.text))) < 6000


def _assert_harmless(answers: Answers) -> Reader:
    html = summary(answers.opening, answers.highlights)
    told = Reader(html)
    assert not {"script", "img", "svg", "a", "iframe"} & set(told.tags)
    assert {name for name, _ in told.attributes} <= {"class", "style", "title", "scope", "onclick", "colspan"}
    assert [name for name, _ in told.attributes].count("onclick") == 1
    assert not HARMFUL.search(html)
    assert not HARMFUL.search(told.text)
    html.encode()
    return told
