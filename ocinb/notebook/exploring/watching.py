"""Watching: what the page is told while an image is read, and the way to stop that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from ocinb._text import human_size
from ocinb.progress.protocol import State, Task

# Each word to the page is a message; nobody reads more of them.
_SECONDS: Final = 0.2


class Stopped(KeyboardInterrupt):
    """Somebody wants no answer any more: it ends a reading as an interrupt does, which does not reach other threads."""


class Watch:
    """Tell in a few words how far a reading is, and end it when nobody wants it any more.

    Parameters
    ----------
    tell
        Is told the words, from any thread, a few times a second at most.

    Examples
    --------
    >>> watch = Watch(print)
    >>> watch.start("Reading", [Task("sha256:01", "01", 2_000_000)])
    0 B of 2.0 MB, 0 of 1 layers read
    >>> watch.stop()
    >>> try:
    ...     watch.advance("sha256:01", 1000)
    ... except Stopped:
    ...     print("stopped")
    stopped
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._tasks: dict[str, Task] = {}
        self._done: set[str] = set()
        self._bytes, self._told_at = 0, 0.0

    def stop(self) -> None:
        """End the reading at its next step."""
        self._stopped.set()

    def check(self) -> None:
        """Raise if it is to end."""
        if self._stopped.is_set():
            raise Stopped

    def start(self, _title: str, tasks: Sequence[Task]) -> None:
        """Begin with these layers."""
        self.check()
        with self._lock:
            self._tasks = {task.key: task for task in tasks}
            self._done, self._bytes, self._told_at = set(), 0, 0.0
        self._say()

    def advance(self, _key: str, amount: int) -> None:
        """Take note of bytes that came."""
        self.check()
        with self._lock:
            self._bytes += amount
        self._say()

    def state(self, key: str, state: State) -> None:
        """Take note of a layer that is read."""
        self.check()
        with self._lock:
            if state.complete:
                self._done.add(key)
        self._say()

    def finish(self, _summary: str) -> None:
        """Say nothing: the answer comes."""

    def _say(self) -> None:
        with self._lock:
            now = monotonic()
            if now - self._told_at < _SECONDS:
                return
            self._told_at = now
            whole = sum(task.total for task in self._tasks.values())
            layers = f"{len(self._done)} of {len(self._tasks)} layers read"
            words = f"{human_size(max(0, self._bytes))} of {human_size(whole)}, {layers}"
        self._tell(words)
