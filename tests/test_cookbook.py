"""Every query of the cookbook runs, and its answer is the one that plain Python finds without a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import tests.cookbook.files
import tests.cookbook.images  # noqa: F401 - each names the questions that it answers
from ocinb._settings import settings
from ocinb.sources.session import close_default_session
from tests.cookbook.expected import EXPECTED
from tests.cookbook.page import questions, run_page
from tests.cookbook.world import Row, World


@dataclass(frozen=True)
class Asked:
    """What came of the page, and what it was asked about."""

    world: World
    answers: dict[str, list[Row]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("cookbook") / "page"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # the page keeps its store beside its folder
        patch.setattr(settings, "cache_dir", folder / "cache")
        for name in ("store_dir", "progress"):
            patch.setattr(settings, name, getattr(settings, name))  # the page sets them, here they are set back
        yield Asked(*run_page())
        close_default_session()


def test_there_are_at_least_twenty_questions_each_with_its_answer() -> None:
    assert sorted(questions()) == sorted(EXPECTED)
    assert len(EXPECTED) >= 20
    assert all(question.endswith("?") for question in EXPECTED)


@pytest.mark.parametrize("question", EXPECTED)
def test_the_answer_is_the_right_one(asked: Asked, question: str) -> None:
    assert asked.answers[question] == EXPECTED[question](asked.world)
    assert asked.answers[question], "a question whose answer is nothing shows nothing"
