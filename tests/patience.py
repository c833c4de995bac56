"""How patient tests are, and how they tell what is slow from a machine that stands still for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Self

SECONDS = 120.0  # how long one waits for what takes a moment, so that a machine that stands still is no failure

# What a stopwatch counts of a time in which the machine did nothing at all.
_STILL_SECONDS = 0.25


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.002)


class Stopwatch:
    """Measures how long others take, for as long as the machine runs; where it stands still, nobody is slow."""

    def __init__(self) -> None:
        self._ticks: list[float] = []
        self._over = threading.Event()
        self._ticking = threading.Thread(target=self._tick)

    def __enter__(self) -> Self:
        self._ticking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticking.join()

    def between(self, begin: float, end: float) -> float:
        """Give the seconds between two moments of the one monotonic clock that all processes have."""
        return passed(begin, end, self._ticks)

    def _tick(self) -> None:
        while not self._over.wait(0.01):
            self._ticks.append(time.monotonic())


def passed(begin: float, end: float, ticks: Iterable[float]) -> float:
    """Count the time between two moments, of a gap between ticks only the beginning.

    >>> passed(0.0, 60.5, [0.125, 0.25, 60.25])
    0.75
    """
    moments = [begin, *(tick for tick in ticks if begin < tick < end), end]
    return sum(min(later - now, _STILL_SECONDS) for now, later in pairwise(moments))
