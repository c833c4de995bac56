"""A name that nothing has is answered with those that it may have been meant for."""

from __future__ import annotations

import pytest

from ocinb._suggestions import near_names

NEAR: dict[str, tuple[str, list[str], list[str]]] = {
    "the tag that docker adds is no difference": ("pyton", ["h/python:latest", "x/y:1"], ["h/python:latest"]),
    "nor are capitals": ("H/APP:1", ["h/app:1"], ["h/app:1"]),
    "the nearest comes first": ("app:12", ["h/app:2", "h/app:123"], ["h/app:123", "h/app:2"]),
    "no more than three": ("app:1", [f"h/app:{number}" for number in range(2, 9)], ["h/app:8", "h/app:7", "h/app:6"]),
    "far ones are none": ("debian", ["h/python:latest"], []),
    "there may be none": ("debian", [], []),
}


@pytest.mark.parametrize(("wanted", "names", "near"), NEAR.values(), ids=NEAR)
def test_names_that_end_nearly_alike_are_near(wanted: str, names: list[str], near: list[str]) -> None:
    assert near_names(wanted, names) == near


def test_of_many_names_only_the_first_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb._suggestions.COMPARED_NAMES", 2)
    assert near_names("app", ["a", "b", "app:latest"]) == []
