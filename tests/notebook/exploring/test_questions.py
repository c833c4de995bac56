"""A question is what it has to be, or says what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.errors import InvalidError
from ocinb.notebook.explore.backend import Question

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
