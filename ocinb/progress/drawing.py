"""When to draw: threads only leave word of what happened, and one more thread draws it ten times a second.

So a transfer never waits for a terminal or a browser, and the last word before a silence is drawn as well.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ocinb._text import printable
from ocinb.progress.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocinb.progress.protocol import State, Task

__all__ = ["DrawnProgress", "Pulse"]

INTERVAL = 0.1


class Pulse:
    """Calls a function at an even pace, in a thread of its own, until it is stopped.

    Parameters
    ----------
    beat
        What is called.
    interval
        Seconds between two calls.
    """

    def __init__(self, beat: Callable[[], object], *, interval: float = INTERVAL) -> None:
        self._beat = beat
        self._interval = interval
        self._stopped = threading.Event()
        # A daemon: an interpreter that ends does not wait for a drawing.
        self._thread = threading.Thread(target=self._run, name="ocinb-progress", daemon=True)

    def start(self) -> None:
        """Begin; the first call comes after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End, and return only when the last call has returned."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            self._beat()


class DrawnProgress(ABC):
    """The half of a `Progress` that is the same wherever it is drawn.

    Parameters
    ----------
    clock
        Seconds that only grow; speeds are measured with it.
    pulse
        Makes what calls `draw`; a test passes one that it beats itself.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, pulse: Callable[[Callable[[], object]], Pulse] = Pulse
    ) -> None:
        self._clock = clock
        self._new_pulse = pulse
        self._title = ""
        self._tally: Tally | None = None
        self._pulse: Pulse | None = None

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        """Begin to draw, see `Progress.start`."""
        self.finish(self._title)
        self._title = printable(title)
        tally = self._tally = Tally(tasks, clock=self._clock)
        self._open(self._title, tasks)
        self._pulse = self._new_pulse(lambda: self._draw(tally))
        self._pulse.start()

    def advance(self, key: str, amount: int) -> None:
        """Take note of bytes, see `Progress.advance`; before the start and after the end nobody minds."""
        if (tally := self._tally) is not None:
            tally.advance(key, amount)

    def state(self, key: str, state: State) -> None:
        """Take note of a state, see `Progress.state`; before the start and after the end nobody minds."""
        if (tally := self._tally) is not None:
            tally.state(key, state)

    def finish(self, summary: str) -> None:
        """End drawing and leave one plain line, see `Progress.finish`."""
        if self._tally is None:
            return
        self._tally = None
        try:
            if self._pulse is not None:
                self._pulse.stop()
        finally:  # an interrupt while waiting for the last stroke must not leave a bar behind
            self._close(printable(summary))

    @abstractmethod
    def _open(self, title: str, tasks: Sequence[Task]) -> None:
        """Put the bars up; in the thread that called `start`."""

    @abstractmethod
    def _draw(self, tally: Tally) -> None:
        """Bring the bars up to date; in the drawing thread."""

    @abstractmethod
    def _close(self, summary: str) -> None:
        """Take the bars down and leave the line; also after an `_open` that was interrupted."""
