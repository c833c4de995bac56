"""A question is what it has to be, or says what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.errors import InvalidError
from ocinb.notebook.explore.backend import MOST_ROWS, USUAL_ROWS, Question
from ocinb.notebook.explore.model import Scope


def test_what_is_not_said_has_a_usual_value() -> None:
    question = Question({"ask": "children", "path": "/etc"})
    assert (question.path, question.layer, question.platform, question.around) == ("etc", None, None, None)
    assert (question.sort, question.offset, question.limit) == ("size", 0, USUAL_ROWS)
    assert question.scope == Scope(None)


def test_what_is_said_is_taken() -> None:
    said = {
        "layer": 3.0,
        "sort": "name",
        "offset": 5,
        "limit": 10**9,
        "platform": "x",
        "around": "/a",
        "pattern": " *.py ",
    }
    question = Question(said)
    assert (question.layer, question.sort, question.offset, question.limit) == (3, "name", 5, MOST_ROWS)
    assert (question.platform, question.around, question.pattern) == ("x", "a", "*.py")


def test_what_is_looked_at() -> None:
    scope = Question({"layer": 3, "kinds": ["deleted", "added", "added"]}).scope
    assert scope == Scope(3, frozenset({"added", "deleted"}))
    assert Question({"layer": 0, "kinds": []}).scope == Scope(0)


def test_a_platform_may_be_called_anything() -> None:
    assert Question({"platform": "x" * 100_000}).platform == "x" * 100_000


NO_NUMBERS: list[Any] = [-1, 0.5, "1", True, [], float("inf")]
NO_KINDS: list[Any] = ["added", {"added": 1}, [1], ["add"], [None]]
NO_TEXTS: list[Any] = [5, [], {}, True, b"x"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, value) for field in ("layer", "offset", "limit") for value in NO_NUMBERS),
        *((field, value) for field in ("path", "pattern", "platform", "around") for value in NO_TEXTS),
        ("sort", "sizes"),
        ("sort", 5),
        *(("kinds", value) for value in NO_KINDS),
        ("pattern", "\n"),
    ],
)
def test_what_is_wrong_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidError, match=field if value != "\n" else "nothing to search for"):
        getattr(Question({field: value}), field)


def test_what_is_asked_is_one_of_some() -> None:
    words = ("children", "search")
    assert Question({"ask": "search"}).asked(words) == "search"
    with pytest.raises(InvalidError, match=r"ask takes 'children' or 'search', not 'serch'. Did you mean 'search'"):
        Question({"ask": "serch"}).asked(words)


def test_a_page_of_rows() -> None:
    question = Question({"offset": 2, "limit": 3})
    assert question.page(range(10)) == range(2, 5)
    assert question.page(range(10), 8) == range(8, 10)


@pytest.mark.parametrize("raw", [None, [], "x", 5])
def test_what_is_no_object_is_refused(raw: object) -> None:
    with pytest.raises(InvalidError, match="a question is an object"):
        Question(raw)
