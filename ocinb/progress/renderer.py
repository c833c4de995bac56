"""When to draw: threads only leave word of what happened, and one more thread draws it ten times a second.

So a transfer never waits for a terminal or a browser, the last word before a silence is drawn as well, and an
interrupt, which comes to the main thread, never leaves half a drawing. What is over before anybody could see it is not
drawn at all, and a screen that breaks stays dark: the transfer goes on.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ocinb._text import printable
from ocinb.progress.stats import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocinb.progress.protocol import State, Task


logger = logging.getLogger("ocinb")

INTERVAL = 0.1
# Bars that come and go within this are no more than a flicker.
DELAY = 0.25


class Pulse:
    """Calls a function at an even pace, in a thread of its own, until it is stopped."""

    def __init__(self, beat: Callable[[], object], *, interval: float = INTERVAL, delay: float = DELAY) -> None:
        self._beat = beat
        self._interval = interval
        self._delay = delay
        self._last: Callable[[], object] = beat
        self._stopped = threading.Event()
        # In the caller's context, by which a kernel knows the cell that is drawn below. A daemon: an interpreter that
        # ends does not wait for a drawing.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="ocinb-progress", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, last: Callable[[], object]) -> None:
        """End with one call of another function, in the same thread, and return when it has returned."""
        if not self._stopped.is_set():
            self._last = last
            self._stopped.set()
        try:
            self._thread.join()
        finally:  # also for whoever presses Ctrl-C a second time
            self._thread.join()

    def _run(self) -> None:
        wait = self._delay
        while not self._stopped.wait(wait):
            self._beat()
            wait = self._interval
        self._last()


class DrawnProgress(ABC):
    """The half of a `Progress` that is the same wherever it is drawn."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, pulse: Callable[[Callable[[], object]], Pulse] = Pulse
    ) -> None:
        self._clock = clock
        self._new_pulse = pulse
        self._title = ""
        self._tasks: Sequence[Task] = ()
        self._tally: Tally | None = None
        self._pulse: Pulse | None = None
        self._is_open = False
        self._is_broken = False

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        """Begin to draw, see `Progress.start`."""
        self.finish(self._title)
        self._title, self._tasks = printable(title), tasks
        self._is_open = self._is_broken = False
        tally = self._tally = Tally(tasks, clock=self._clock)
        self._pulse = self._new_pulse(lambda: self._beat(tally))
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
        if self._pulse is None:
            return
        self._pulse.stop(lambda: self._end(printable(summary)))
        self._pulse = self._tally = None

    def _beat(self, tally: Tally) -> None:
        if self._is_broken:
            return
        with self._harmless():
            if not self._is_open:
                self._is_open = True
                self._open(self._title, self._tasks, tally)
            self._draw(tally)

    def _end(self, summary: str) -> None:
        with self._harmless():
            self._close(summary)

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        """Draw no more once it fails: a terminal was closed, for instance."""
        try:
            yield
        except Exception:
            self._is_broken = True
            # No louder: what is said to somebody without a screen would go to that screen.
            logger.debug("progress is drawn no more", exc_info=True)

    @abstractmethod
    def _open(self, title: str, tasks: Sequence[Task], tally: Tally) -> None:
        """Put the bars up, as they stand by then; in the drawing thread, as all of these."""

    @abstractmethod
    def _draw(self, tally: Tally) -> None:
        """Bring the bars up to date."""

    @abstractmethod
    def _close(self, summary: str) -> None:
        """Take the bars down and leave the line, if there is one; also where no bars came up, or only some."""
