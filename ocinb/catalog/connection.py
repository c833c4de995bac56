"""Connections to a catalogue: short ones to a file, so that others get their turn, one that stays in memory."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from os import PathLike
from pathlib import Path

import duckdb

from ocinb.errors import InvalidError, TransportError
from ocinb.sources.paths import local_path

MEMORY = ":memory:"
SCHEMA_VERSION = 2
# A view stands behind those that it asks.
SCRIPTS = (
    "schema.sql",
    "views/names.sql",
    "views/images.sql",
    "views/sharing.sql",
)
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.05

_OF_THE_MACHINE = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException)


class Connections:
    """Gives connections to one catalogue.

    Parameters
    ----------
    path
        The file, or ``":memory:"``.

    Raises
    ------
    InvalidError
        If the file is no catalogue of this version; it is left as it is.
    TransportError
        If another process holds it for longer than a few seconds.
    """

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, str | PathLike) or not str(path):
            raise InvalidError(f"a catalogue takes the path of a file, not {path!r}")
        self.path = path if path == MEMORY else local_path(str(path))
        self._writing = threading.Lock()
        self._kept = _connect(MEMORY) if path == MEMORY else None
        with self.write() as connection:
            _prepare(connection, str(self.path))

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for the time of a block, to be used by one thread."""
        with translated(f"the catalogue {self.path} cannot be used"):
            connection = _connect(self.path) if self._kept is None else _cursor(self._kept)
            try:
                connection.execute("SET enable_progress_bar = false")  # it knows nothing of settings.progress
                yield connection
            finally:
                connection.close()

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection to one thread at a time: what two put in at a time would stand twice."""
        with self._writing, self.connect() as connection:
            yield connection

    def close(self) -> None:
        """Give up what is in memory; a file is always closed already."""
        if self._kept is not None:
            self._kept.close()


def _cursor(kept: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    try:
        return kept.cursor()
    except duckdb.ConnectionException:
        raise InvalidError("the catalogue in memory was closed", hint="Make a new one: ocinb.Catalog()") from None


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn errors of DuckDB into those of ocinb.

    Parameters
    ----------
    what
        What could not be done.

    Raises
    ------
    TransportError
        If the disk or the memory is at fault.
    InvalidError
        If it is what was asked.
    """
    try:
        yield
    except _OF_THE_MACHINE as error:
        raise TransportError(f"{what}: {_reason(error)}") from None
    except duckdb.Error as error:
        raise InvalidError(f"{what}: {_reason(error)}") from None
    except RuntimeError as error:
        if str(error) == "Query interrupted":  # what becomes of Ctrl-C while DuckDB has the main thread
            raise KeyboardInterrupt from None
        raise


def _connect(path: str | Path) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection = duckdb.connect(str(path))
        except duckdb.Error as error:
            held = isinstance(error, duckdb.IOException) and "Could not set lock" in str(error)
            if held and time.monotonic() < deadline:
                time.sleep(PAUSE_SECONDS)
                continue
            raise _cannot_open(path, error, held=held) from None
        # SET alone is lost in cursors, and an aware frame loaded under another zone shifts by hours.
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        return connection


def _cannot_open(path: str | Path, error: duckdb.Error, *, held: bool) -> TransportError | InvalidError:
    if isinstance(error, duckdb.ConnectionException):
        hint = "Close that connection, or ask by Catalog.sql"
        return TransportError(f"the catalogue {path} is open in this process by another connection", hint=hint)
    if held:
        return TransportError(
            f"the catalogue {path} is in use: {_reason(error)}", hint="Close it there, or try again later"
        )
    return InvalidError(f"{path} cannot be opened as a catalogue: {_reason(error)}", hint="Choose another path")


def _reason(error: duckdb.Error) -> str:
    """Give DuckDB's words in one line, without the picture of the query in them."""
    return " ".join(re.split(r"\n+LINE \d+:", str(error))[0].split())


def _prepare(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    there = connection.execute(
        "SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    if ("ocinb_version",) in there:
        versions = connection.execute("SELECT version FROM ocinb_version").fetchall()
        if versions != [(SCHEMA_VERSION,)]:
            said = ", ".join(str(version) for (version,) in versions) or "unknown"
            what = f"a catalogue of version {said}, and this ocinb reads version {SCHEMA_VERSION}"
            raise InvalidError(f"{path} is {what}", hint="Choose another path and add the images anew")
    elif there:
        raise InvalidError(f"{path} is a database, but no catalogue of ocinb", hint="Choose another path")
    else:
        _create(connection)


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    connection.begin()
    for script in SCRIPTS:
        connection.execute(resources.files("ocinb.catalog").joinpath(script).read_text("utf-8"))
    connection.execute("CREATE TABLE ocinb_version AS SELECT ? AS version", [SCHEMA_VERSION])
    connection.commit()
