"""The cookbook's page, run cell by cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tests.cookbook.world import Row, World, digest_of, read_world
from tests.frames.facts import known

PAGE = Path(__file__).parents[2] / "docs" / "cookbook.md"
_CELL = re.compile(r"```\{code-cell\}\n(?::tags: \[(?P<tags>[\w, -]*)\]\n+)?(?P<code>.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """A cell, and the question below which it stands; None above the first."""

    question: str | None
    code: str
    is_answer: bool


def cells(page: Path = PAGE) -> Iterator[Cell]:
    """Take a page apart."""
    for section in re.split(r"^#+ (?=.*\n)", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        title = section.partition("\n")[0]
        question = title if title.endswith("?") else None
        for found in _CELL.finditer(section):
            yield Cell(question, found["code"], is_answer=found["tags"] is None)


def questions() -> list[str]:
    """Give the questions of the page, in their order."""
    return re.findall(r"^### (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def run_page() -> tuple[World, dict[str, list[Row]]]:
    """Run all cells, and give the world that they asked about and their answers by question."""
    *listed, last = cells()
    names: dict[str, Any] = {}
    answers: dict[str, list[Row]] = {}
    world, began = None, pd.Timestamp.now("UTC")
    for cell in listed:
        if cell.question and world is None:
            world = read_world(names["registry"], began)
        value = run_cell(cell.code, names)
        if cell.question and cell.is_answer:
            answers[cell.question] = rows(value)
    assert world is not None
    world.moved = {place: digest_of(names["registry"], *place) for place in world.tags}
    run_cell(last.code, names)
    return world, answers


def rows(value: Any) -> list[Row]:
    """Give what a cell shows as plain tuples, with None for NA."""
    if isinstance(value, pd.DataFrame):
        return [tuple(known(cell) for cell in row) for row in value.itertuples(index=False, name=None)]
    if isinstance(value, pd.Series):
        return [(known(cell),) for cell in value]
    return [(cell,) for cell in value] if isinstance(value, list) else [(value,)]


def run_cell(code: str, names: dict[str, Any]) -> Any:
    """Run a cell among the names of those before it, and give what it shows."""
    *before, last = ast.parse(code).body
    exec(compile(ast.Module(before, []), "<cookbook>", "exec"), names)
    if not isinstance(last, ast.Expr):
        exec(compile(ast.Module([last], []), "<cookbook>", "exec"), names)
        return None
    return eval(compile(ast.Expression(last.value), "<cookbook>", "eval"), names)
