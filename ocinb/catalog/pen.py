"""Pen: the one connection that writes, held while images follow each other, and given up in time for others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import duckdb

from ocinb._pool import pause
from ocinb.catalog.connection import MEMORY, PAUSE_SECONDS, Connections, translated
from ocinb.errors import OcinbError

logger = logging.getLogger("ocinb")

# To open a file and to close it takes as long as to write a small image. Another process waits for some seconds, and
# looks several times in each: so it is held for less, and left free for longer than one look takes.
HELD_SECONDS: Final = 1.5
FREE_SECONDS: Final = 2 * PAUSE_SECONDS
# So long nobody has to write.
IDLE_SECONDS: Final = 0.2


class Pen:
    """Writes into a catalogue for one thread after another.

    Parameters
    ----------
    connections
        The catalogue.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._turn = threading.Lock()
        self._stack = ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._since = 0.0
        self._timer: threading.Timer | None = None

    @contextmanager
    def turn(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give the connection for the time of a block.

        Raises
        ------
        TransportError
            If another process holds the file.
        """
        with self._turn:
            self._stop_waiting()
            try:
                with translated(f"the catalogue {self._connections.path} cannot be written"):
                    yield self._opened()
            except BaseException:
                self._give_up()
                raise
            self._wait()

    def close(self) -> None:
        """Give the file up; one who writes at this moment, and hears no stop, does so when it is done."""
        if self._turn.acquire(timeout=IDLE_SECONDS):
            try:
                self._stop_waiting()
                self._give_up()
            finally:
                self._turn.release()

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._connection is not None and time.monotonic() - self._since > HELD_SECONDS:
            self._give_up()
            if self._connections.path != MEMORY:
                pause(FREE_SECONDS)
        if self._connection is None:
            self._connection = self._stack.enter_context(self._connections.write())
            self._since = time.monotonic()
        return self._connection

    def _wait(self) -> None:
        self._timer = threading.Timer(IDLE_SECONDS, self._be_idle)
        self._timer.daemon = True
        self._timer.start()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _be_idle(self) -> None:
        me = threading.current_thread()
        with self._turn:
            if self._timer is me:  # nobody came meanwhile
                try:
                    self._give_up()
                except OcinbError as error:  # what was committed is in the log beside the file
                    logger.warning("%s", error)

    def _give_up(self) -> None:
        self._connection = None
        self._stack.close()
