"""In a terminal an image is a few lines, which fit it and cannot move it."""

from __future__ import annotations

import pytest

from ocinb.notebook.explore.backend import open_answers
from ocinb.notebook.explore.summary import lines
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import file, whiteout
from tests.frames.layerfacts import put_layers


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


def test_an_image_without_anything(registry: SampleRegistry) -> None:
    assert told(put_layers(registry))[1:] == [
        "0 layers, 0 B compressed, 0 B stored in files, 0 B seen in 0 files",
        "0 B hidden (0.0%), 0 B in copies",
    ]
