"""Leaving: panels go from a notebook only when its page has had the time to draw them.

A page makes the views of widgets one after the other. If their place is taken meanwhile, it hangs the rest into what is
gone, and its console is full of errors. So a panel that came a moment ago stands a little longer, with its last line in
it: until the next one comes or the cell ends. The wait at the end of a cell is short, and only then.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Leaving"]

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
