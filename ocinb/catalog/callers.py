"""Callers: the DataFrames of whoever asks a question, which the question may name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


def frames_of_callers() -> dict[str, Any]:
    """Find the DataFrames that stand in the code which called, those of the nearest function first.

    DuckDB looks for them itself, but in the thread that asks alone, and no further than the first thing of that name,
    whatever it is: somebody's DataFrame called `query` would be hidden by a parameter of ours.
    """
    stack: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to the caller's names
    while frame is not None:
        stack.insert(0, frame)
        frame = frame.f_back
    known: dict[int, tuple[type, bool]] = {}  # by identity: a class may refuse to be compared
    return {
        name: value
        for frame in stack
        for names in (frame.f_globals, frame.f_locals)
        for name, value in list(names.items())
        if _is_known(type(value), known)
    }


def is_frame(kind: type) -> bool:
    """Say whether things of a class have columns; nothing of theirs runs for that, since it may do anything."""
    for base in type.__getattribute__(kind, "__mro__"):
        own = type.__getattribute__(base, "__dict__")
        if "columns" in own:
            return not callable(own["columns"])  # a catalogue has a method of that name
    return False


def call_among(frames: dict[str, Any], function: Callable[[], T]) -> T:
    """Call a function where DuckDB finds DataFrames by their names.

    To register them would put them before the tables of the catalogue; found by name, they come after those.
    """
    names = {**frames, "_ocinb_function": function}
    result: T = eval("_ocinb_function()", {}, names)  # noqa: S307 - a text of ours, which only calls
    return result


def _is_known(kind: type, known: dict[int, tuple[type, bool]]) -> bool:
    if id(kind) not in known:
        known[id(kind)] = (kind, is_frame(kind))
    return known[id(kind)][1]
