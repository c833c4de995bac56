"""The summary has the figures, and whatever an image is full of, it is HTML that does no harm."""

from __future__ import annotations

import pytest

from ocinb.notebook.explore.backend import Answers, open_answers
from ocinb.notebook.explore.summary import largest_waste, lines, story, summary
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import directory, file, hardlink, opaque, whiteout
from tests.frames.layerfacts import put_layers
from tests.frames.test_contents import TEXTS
from tests.notebook.exploring.asking import explored
from tests.notebook.reading import Reader

HOSTILE = [text for text in TEXTS if "\x00" not in text and "\ud800" not in text]


def read(answers: Answers) -> Reader:
    return Reader(summary(answers.opening, answers.highlights))


@pytest.fixture
def shop(registry: SampleRegistry) -> Reader:
    return read(open_answers(registry.reference("demo/shop:2.0"), platform="amd64"))


def test_an_image_without_anything(registry: SampleRegistry) -> None:
    told = read(open_answers(put_layers(registry)))
    assert "0 layers · 0 B compressed · 0 B stored in files · 0 B seen in 0 files" in told.text
    assert "It has no layers." in told.text
    assert "table" not in told.tags


IMAGE = explored(
    [
        [
            file("a/b/c/deep", "x" * 50),
            file("a/small", "x"),
            file("d/e", "x" * 9),
            hardlink("z", "d/e"),
            directory("empty"),
        ],
        [file("root", "x" * 20), whiteout("a/small"), file("none")],
    ]
)


def test_waste_without_empty_files() -> None:
    image = explored([[file("a", "xx"), file("b", "xxx"), file("c"), file("../d", "d")], [whiteout("a"), opaque("")]])
    assert [(one.path, story(one)) for one in largest_waste(image, 9)] == [
        ("b", "layer 0, folder emptied in 1"),
        ("a", "layer 0, folder emptied in 1"),
        ("../d", "layer 0, never seen"),
    ]


def told(name: str) -> list[str]:
    answers = open_answers(name)
    return lines(answers.opening, answers.highlights).split("\n")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_lines_fit_the_terminal(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    deep = "/".join(["folder"] * 50)
    stack = [[file(deep, "x" * 1000)], [whiteout(deep)]]
    for shown in (told(registry.reference("demo/shop:2.0")), told(put_layers(registry, *stack))):
        assert max(map(len, shown)) <= columns
    assert shown[-1].endswith("folder: layer 0, deleted in 1" if columns > 40 else "…")


def test_an_image_without_anything_of_lines(registry: SampleRegistry) -> None:
    assert told(put_layers(registry))[1:] == [
        "0 layers, 0 B compressed, 0 B stored in files, 0 B seen in 0 files",
        "0 B hidden (0.0%), 0 B in copies",
    ]
