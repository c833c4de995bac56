"""How a test runs the lines that stand in a story, and asks whether they return what stands beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ocinb.notebook.explain.explain import Story
from ocinb.notebook.explain.story import Chapter, Document, Figure, Figures, Part, Setup, Table


def told_by(story: Story) -> Document:
    return story._told


def chapter(story: Story, title: str) -> Chapter:
    [found] = [one for one in told_by(story).chapters if one.title == title]
    return found


def figures(story: Story, title: str) -> dict[str, Figure]:
    """Give the figures of a chapter by their names."""
    parts = [part for part in chapter(story, title).parts if isinstance(part, Figures)]
    return {figure.name: figure for part in parts for figure in part.figures}


def tables(story: Story, title: str) -> dict[str, Table]:
    """Give the tables of a chapter by their titles."""
    return {part.title: part for part in chapter(story, title).parts if isinstance(part, Table)}


def replayed(story: Story) -> list[tuple[str, Any, Any]]:
    """Run every line of a story, each chapter in a notebook of its own: the line, what is there, what it returns."""
    told = told_by(story)
    found = []
    for one in told.chapters:
        names: dict[str, Any] = {}
        _run(told.lines, names)
        for part in one.parts:
            if isinstance(part, Setup):
                _run(part.lines, names)
            for line, value in _lines(part):
                found.append((line, plainly(value), plainly(eval(line, names))))
    return found


def _run(lines: tuple[str, ...], names: dict[str, Any]) -> None:
    exec("\n".join(lines), names)


def _lines(part: Part) -> Iterator[tuple[str, Any]]:
    if isinstance(part, Figures):
        yield from ((figure.line, figure.value) for figure in part.figures)
    if isinstance(part, Table):
        if part.line is not None:
            yield part.line, part.value
        yield from ((row.line, row.value) for row in part.rows if row.line is not None)


def plainly(value: Any) -> Any:
    """Give a value of Python alone, in which None is what is unknown."""
    if isinstance(value, pd.DataFrame):
        return [[plainly(one) for one in row] for row in value.astype(object).to_numpy().tolist()]
    if isinstance(value, dict):
        return {key: plainly(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plainly(one) for one in value]
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value
