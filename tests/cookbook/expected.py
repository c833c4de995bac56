"""Which function works out the answer to which question."""

from __future__ import annotations

from collections.abc import Callable

from tests.cookbook.world import Row, World

Answer = Callable[[World], list[Row]]
EXPECTED: dict[str, Answer] = {}


def answer(question: str) -> Callable[[Answer], Answer]:
    """Name the question that a function answers."""

    def keep(function: Answer) -> Answer:
        EXPECTED[question] = function
        return function

    return keep
