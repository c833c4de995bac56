"""Viewers: who looks at an explorer, so that it holds what it read no longer than somebody does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Viewers:
    """The views that show an explorer, each by its name, and how much is done for them.

    One that nobody has looked at yet waits to be shown, and lets nothing go.

    Parameters
    ----------
    let_go
        Is called, in any thread, when the last view has gone and nothing is done any more; a view that comes meanwhile
        waits for that.

    Examples
    --------
    >>> viewers = Viewers(lambda: print("let go"))
    >>> viewers.come("one")
    >>> with viewers.at_work():
    ...     viewers.go("one")
    ...     print("an answer")
    an answer
    let go
    """

    def __init__(self, let_go: Callable[[], None]) -> None:
        self._let_go = let_go
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._works = 0
        self._is_left = False

    def come(self, name: str) -> None:
        """Count a view, which may say so again."""
        with self._lock:
            self._names.add(name)
            self._is_left = False

    def go(self, name: str) -> None:
        """Count a view no more; of one that never came, or that went before, it is no news."""
        with self._lock:
            if name in self._names:
                self._names.remove(name)
                self._is_left = not self._names
                self._look()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep all for as long as this block lasts."""
        with self._lock:
            self._works += 1
        try:
            yield
        finally:
            with self._lock:
                self._works -= 1
                self._look()

    def _look(self) -> None:
        if self._is_left and not self._works:
            self._let_go()
