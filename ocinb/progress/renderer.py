"""When to draw: threads only leave word of what happened, and one more thread draws it ten times a second.

So a transfer never waits for a terminal or a browser, the last word before a silence is drawn as well, and an
interrupt, which comes to the main thread, never leaves half a drawing. What is over before anybody could see it is not
drawn at all, and a screen that breaks stays dark: the transfer goes on.
"""

from __future__ import annotations

import contextvars
import logging
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

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
    """Calls a function at an even pace, in a thread of its own, until it is stopped.

    Parameters
    ----------
    beat
        What is called.
    interval
        Seconds between two calls.
    delay
        Seconds before the first.
    """

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


# Seconds in which a page of JupyterLab has drawn a panel, also on a machine that has other things to do.
SETTLED = 1.5


class Leaving:
    """What takes panels down, each as soon as its page is sure to have drawn it.

    Parameters
    ----------
    clock, sleep
        Seconds that only grow, and what waits for some.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, Callable[[], None]]] = []
        self._heard: Any = None

    def is_soon(self, shown_at: float) -> bool:
        """Say whether a page may still be drawing what was shown at a time of the clock, and a cell's end can wait."""
        return self._clock() - shown_at < SETTLED and self._hears_of_ends()

    def later(self, shown_at: float, take_down: Callable[[], None]) -> None:
        """Have a panel taken down in a while."""
        with self._lock:
            self._waiting.append((shown_at + SETTLED, take_down))

    def take_due(self) -> None:
        """Take down those whose time has come."""
        now = self._clock()
        with self._lock:
            due = [take_down for at, take_down in self._waiting if at <= now]
            self._waiting = [one for one in self._waiting if one[0] > now]
        for take_down in due:
            take_down()

    def take_all(self, *_result: object) -> None:
        """Take down all that are left, and wait for the youngest of them."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        with suppress(KeyboardInterrupt):  # the cell is over: whoever interrupts now only wants to wait no longer
            if waiting:
                self._sleep(max(0.0, max(at for at, _ in waiting) - self._clock()))
        for _, take_down in waiting:
            take_down()

    def _hears_of_ends(self) -> bool:
        """Listen to the shell, if there is one, which tells when a cell has ended."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        with self._lock:
            if shell is not None and shell is not self._heard:
                shell.events.register("post_run_cell", self.take_all)
                self._heard = shell
        return shell is not None
