"""Memory: a catalogue that no file keeps, and that can be given up while somebody asks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from ocinb.catalog.opening import open_memory
from ocinb.errors import InvalidError, OcinbError


class Memory:
    """A database in memory, there until it is closed and the last one who asked has left."""

    def __init__(self) -> None:
        self._database = open_memory()
        self._changing = threading.Lock()
        self._asking: list[duckdb.DuckDBPyConnection] = []
        self._closed = False

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for the time of a block.

        Raises
        ------
        InvalidError
            If it was closed, before or meanwhile.
        """
        connection = self._enter()
        try:
            yield connection
        except (OcinbError, duckdb.Error):
            if self._closed:
                raise _gone() from None
            raise
        finally:
            self._leave(connection)

    def close(self) -> None:
        """Give it up; whoever asks is interrupted, and what does not hear that goes on to its end."""
        with self._changing:
            self._closed = True
            for connection in self._asking:
                connection.interrupt()
            self._close_unasked()

    def _enter(self) -> duckdb.DuckDBPyConnection:
        with self._changing:
            if self._closed:
                raise _gone()
            connection = self._database.cursor()
            self._asking.append(connection)
        return connection

    def _leave(self, connection: duckdb.DuckDBPyConnection) -> None:
        with self._changing:
            self._asking.remove(connection)
            connection.close()
            self._close_unasked()

    def _close_unasked(self) -> None:
        if self._closed and not self._asking:
            self._database.close()


def _gone() -> InvalidError:
    return InvalidError("the catalogue in memory was closed", hint="Make a new one: ocinb.Catalog()")
