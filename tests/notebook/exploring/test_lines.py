"""In a terminal an image is a few lines, which fit it and cannot move it."""

from __future__ import annotations

import pytest

from ocinb.notebook.explore.backend import open_answers
from ocinb.notebook.explore.summary import TEXT_FIRST, TEXT_LAST, lines
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import file, whiteout
from tests.frames.layerfacts import put_layers, steps
from tests.frames.test_hostile_text import HARMFUL, TEXTS, put_hostile


def told(name: str) -> list[str]:
    answers = open_answers(name)
    return lines(answers.opening, answers.highlights).split("\n")


def test_it_says_what_the_image_is_and_where_its_bytes_are(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    shown = told(name)
    assert shown[0].startswith(f"<Explorer: {name}, linux/")
    assert "6.1 MB seen in 35 files" in shown[1]
    assert shown[3] == "Layer    stored    hidden  instruction"
    assert shown[6].startswith("    2    3.4 MB  800.0 kB  RUN apt-get update")
    assert shown[11] == "Folders  5.4 MB  usr"
    assert shown[16].startswith("Files    1.5 MB  usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0")
    assert shown[-1] == "        48.0 kB  srv/shop/static/logo.png: layer 4, folder emptied in 5"


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_lines_fit_the_terminal(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    deep = "/".join(["folder"] * 50)
    stack = [[file(deep, "x" * 1000)], [whiteout(deep)]]
    for shown in (told(registry.reference("demo/shop:2.0")), told(put_layers(registry, *stack))):
        assert max(map(len, shown)) <= columns
    assert shown[-1].endswith("folder: layer 0, deleted in 1" if columns > 40 else "…")


def test_of_very_many_layers_the_ends_are_told(registry: SampleRegistry) -> None:
    shown = told(put_layers(registry, *[[file("a", "x")]] * (TEXT_FIRST + TEXT_LAST + 3)))
    assert "     … 3 more; ocinb.layers lists them all" in shown
    assert len(shown) < 40


def test_an_image_without_anything(registry: SampleRegistry) -> None:
    assert told(put_layers(registry))[1:] == [
        "0 layers, 0 B compressed, 0 B stored in files, 0 B seen in 0 files",
        "0 B hidden (0.0%), 0 B in copies",
    ]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_strangers_texts_move_no_terminal(registry: SampleRegistry, text: str) -> None:
    assert not HARMFUL.search("".join(told(put_hostile(registry, text))))


@pytest.mark.parametrize("text", [text for text in TEXTS if text.isascii() and "\x00" not in text], ids=ascii)
def test_strangers_names_move_no_terminal(registry: SampleRegistry, text: str) -> None:
    name = put_layers(registry, [file(text, "x"), file(f"d/{text}", "x")], [whiteout("d")], history=steps(text, text))
    assert not HARMFUL.search("".join(told(name)))
