"""The summary has the figures, and whatever an image is full of, it is HTML that does no harm."""

from __future__ import annotations

import pytest

from ocinb.notebook.explore.backend import Answers, open_answers
from ocinb.notebook.explore.summary import summary
from ocinb.samples import SampleRegistry
from tests.frames.layerfacts import put_layers
from tests.frames.test_hostile_text import TEXTS
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
