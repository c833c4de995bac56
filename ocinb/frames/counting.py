"""Counting: how far a call with many names is, for whoever waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from ocinb._text import human_duration
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress, State, Task

T = TypeVar("T")

# Fewer are answered before anybody has read a bar.
FEW = 50


@contextmanager
def counted(
    names: Sequence[str], title: str, *, progress: Progress | bool | None = None
) -> Iterator[Callable[[str, T], T]]:
    """Draw a bar while names are asked for, if they are many.

    Parameters
    ----------
    names
        What is asked for; their number is known before the first question.
    title
        What is going on.
    progress
        Who is told, see `choose_progress`.

    Yields
    ------
    callable
        Takes a name and its result when it is there, and gives the result back.
    """
    if len(names) <= FEW:
        yield lambda _, result: result
        return
    board = choose_progress(progress)
    keys = {name: str(number) for number, name in enumerate(names)}
    began = time.monotonic()
    complete: list[str] = []

    def done(name: str, result: T) -> T:
        complete.append(name)
        board.state(keys[name], State.DONE)
        return result

    board.start(title, [Task(key, "", 0) for key in keys.values()])
    try:
        yield done
    finally:
        taken = human_duration(time.monotonic() - began)
        board.finish(f"{title}: {len(complete):,} of {len(names):,} in {taken}")
