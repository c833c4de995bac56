"""The outline fits a terminal, and nothing in it moves one."""

from __future__ import annotations

import pytest

from ocinb.notebook.explain.explain import outline
from ocinb.notebook.explain.story import Chapter, Code, Told


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_is_no_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    gist = ("runs ", Code("a word " * 60))
    told = Told("python:3.12", ("7 layers",), (), (Chapter("The name", gist, ()), Chapter("The config", ("root",), ())))
    lines = outline(told).splitlines()
    assert lines[0] == "<Story of python:3.12: 7 layers>"
    assert max(len(line) for line in lines[1:-1]) <= min(columns, 120)
    assert " 2  The config  root" in lines
    assert lines[-1].startswith("print(story.markdown)")


def test_what_strangers_wrote_moves_no_cursor() -> None:
    told = Told("a", ("b",), (), (Chapter("The config", (Code("x\x1b[2J\n\u202ey" + "z" * 10_000),), ()),))
    shown = outline(told)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[2J\\n\\u202ey" in shown.replace("\n", "").replace(" ", "")
    assert len(shown) < 2000
