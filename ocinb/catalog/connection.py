"""Connections to a catalogue: short ones to a file, so that others get their turn, one that stays in memory."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import TypeVar

import duckdb

from ocinb._pool import alone, interrupted_by, run_all
from ocinb._suggestions import nearest
from ocinb.catalog import open_file as open_file_module
from ocinb.catalog.open_file import (
    MEMORY,
    OTHER_PATH,
    SCHEMA_VERSION,
    OpenHereError,
    beside,
    discard,
    is_there,
    open_catalog_file,
    open_memory,
    put_in_place,
    reason,
    told_as,
    version_of,
)
from ocinb.errors import InvalidError, OcinbError, TransportError
from ocinb.sources.file_reader import reading
from ocinb.sources.name_lookup import local_path


class Memory:
    """A database in memory, there until it is closed and the last one who asked has left."""

    def __init__(self) -> None:
        self._database = open_memory()
        self._changing = threading.Lock()
        self._asking: list[duckdb.DuckDBPyConnection] = []
        self._closed = False

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for the time of a block."""
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


T = TypeVar("T")

# A view stands behind those that it asks.
SCRIPTS = (
    "schema.sql",
    "views/names.sql",
    "views/images.sql",
    "views/sharing.sql",
    "views/sizes.sql",
    "views/bases.sql",
    "views/files.sql",
    "views/history.sql",
    "views/summary.sql",
)
# How much DuckDB writes beside the file before it works that into it, as it does at the end in any case. Each time it
# begins new groups of rows: with its own 16 MB a row of files took 66 bytes, not 38, and twice the time.
LOG_SIZE = "256MB"

# What a full disk says at the end of a transaction.
_NOT_COMMITTED = "Failed to commit"
_OF_THE_MACHINE = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException)
_NO_COLUMN = re.compile(
    r'column (?:named )?"(?P<name>[^"]+)"(?: does not exist on (?:left|right) side of join!)?$', re.IGNORECASE
)


class Connections:
    """Gives connections to one catalogue."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = place_of(path)
        self._memory = Memory() if self.path == MEMORY else None
        # Two objects on one file are two that write it.
        self._one = ("catalogue", id(self) if self._memory is not None else os.path.realpath(self.path))
        if self._memory is not None:  # in which nothing is yet
            with self.write() as connection:
                _fill(connection)
            return
        if not is_there(Path(self.path)):
            _make(Path(self.path))
        _check_unfinished(Path(self.path))
        with self.connect(wait_seconds=open_file_module.WAIT_SECONDS) as connection:
            version = version_of(connection, str(self.path))
        if version is None:
            self._begin()

    def _begin(self) -> None:
        with self.write(wait_seconds=open_file_module.WAIT_SECONDS) as connection:
            if version_of(connection, str(self.path)) is None:
                _fill(connection)

    @contextmanager
    def connect(self, *, wait_seconds: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for the time of a block, to be used by one thread."""
        with translated(f"the catalogue {self.path} cannot be used"), self._opened(wait_seconds) as connection:
            connection.execute("SET enable_progress_bar = false")  # it knows nothing of settings.progress
            yield connection

    @contextmanager
    def _opened(self, wait_seconds: float | None) -> Iterator[duckdb.DuckDBPyConnection]:
        if self._memory is not None:
            with self._memory.connect() as connection:
                yield connection
            return
        seconds = open_file_module.WRITERS_WAIT_SECONDS if wait_seconds is None else wait_seconds
        connection = open_catalog_file(Path(self.path), wait_seconds=seconds)
        try:
            yield connection
        finally:
            connection.close()

    def ask(self, question: Callable[[duckdb.DuckDBPyConnection], T], *, what: str) -> T:
        """Have a question answered in a thread of its own, which Ctrl-C ends within two seconds.

        It has a connection to itself: DuckDB heeds another thread's interrupt at once, and Ctrl-C late or never. What
        does not heed it goes on there, and nobody waits for it.
        """

        def answer(asked: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
            with (
                self.connect(wait_seconds=open_file_module.WAIT_SECONDS) as connection,
                _guessing(connection),
                translated(what),
                interrupted_by(connection.interrupt),
            ):
                return asked(connection)

        [answered] = run_all(answer, [question], workers=1)
        return answered

    @contextmanager
    def write(self, *, wait_seconds: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection to one thread at a time: what two put in at a time would stand twice."""
        with alone(self._one), self.connect(wait_seconds=wait_seconds) as connection:
            connection.execute(f"SET checkpoint_threshold = '{LOG_SIZE}'")
            yield connection

    def close(self) -> None:
        """Give up what is in memory; a file is always closed already."""
        if self._memory is not None:
            self._memory.close()


def place_of(given: str | PathLike[str]) -> str | Path:
    """Say where a catalogue is kept by what somebody gave for it: in a file, or ``":memory:"``."""
    path = os.fspath(given) if isinstance(given, str | PathLike) else None
    if not path:
        raise InvalidError(f"a catalogue takes the path of a file, not {given!r}")
    return MEMORY if path == MEMORY else local_path(os.fsdecode(path))


def script(name: str) -> str:
    """Read SQL of ours by the name of its file."""
    return resources.files("ocinb.catalog").joinpath(name).read_text("utf-8")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Do all of a block, or nothing of it."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        with suppress(duckdb.Error):  # which an interrupt, or a commit that failed, may have ended already
            connection.rollback()
        raise


def refuse_open_transaction(connection: duckdb.DuckDBPyConnection) -> None:
    """Take back what is not committed."""
    try:
        connection.rollback()
    except duckdb.TransactionException:  # there is none
        return
    hint = "Begin and end it in one call: BEGIN; …; COMMIT"
    raise InvalidError("a transaction was left open, so nothing of it is kept", hint=hint)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn errors of DuckDB into those of ocinb."""
    try:
        yield
    except _OF_THE_MACHINE as error:
        raise TransportError(f"{what}: {reason(error)}") from None
    except duckdb.Error as error:
        kind = TransportError if _NOT_COMMITTED in str(error) else InvalidError
        raise kind(f"{what}: {reason(error)}") from None
    except RuntimeError as error:
        if str(error) == "Query interrupted":  # what becomes of Ctrl-C while DuckDB has the main thread
            raise KeyboardInterrupt from None
        raise


@contextmanager
def _guessing(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Say which column may have been meant, where DuckDB does not: behind an alias, and in USING."""
    try:
        yield
    except InvalidError as error:
        mistyped = _NO_COLUMN.search(error.message)
        if mistyped:
            columns = "SELECT DISTINCT column_name FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
            with connection.cursor() as beside:  # what failed may have begun a transaction, in which nothing goes on
                near = nearest(mistyped["name"], [name for (name,) in beside.execute(columns).fetchall()])
            error.hint = f"Did you mean {near!r}?" if near else error.hint
        raise


def _make(path: Path) -> None:
    """Make a catalogue beside its place, and give it its name when it is whole.

    If another process is faster, its catalogue is the one that stays.
    """
    place = Path(os.path.realpath(path))  # a link may lead to where nothing is yet
    check_directory(place)
    partial = beside(place, "partial")
    what = f"the catalogue {path} cannot be made"
    try:
        with told_as(path, partial), translated(what), duckdb.connect(str(partial)) as connection:
            _fill(connection)
            connection.execute("CHECKPOINT")  # so that the file is whole without what stands beside it
        with suppress(FileExistsError):
            put_in_place(partial, place)
    except OSError as error:
        raise TransportError(f"{what}: {error.strerror}", hint=OTHER_PATH) from None
    finally:
        discard(partial)


def check_directory(path: Path) -> None:
    """Refuse a path for a new file if there is no directory for it."""
    with reading(str(path)):
        if not path.parent.is_dir():
            raise InvalidError(f"there is no directory {path.parent}", hint=OTHER_PATH)


def _check_unfinished(path: Path) -> None:
    """Look at a file whose last process was killed before it is opened to be written.

    DuckDB then completes it from what that process wrote beside it, and a file of another version is to be left alone.
    """
    if not Path(f"{os.path.realpath(path)}.wal").exists():
        return
    try:
        connection = open_catalog_file(path, wait_seconds=open_file_module.WAIT_SECONDS, read_only=True)
    except OpenHereError:  # so nobody was killed
        return
    with connection:
        version_of(connection, str(path))


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Put all tables and views into a database in which nothing is."""
    with transaction(connection):
        for name in SCRIPTS:
            connection.execute(script(name))
        connection.execute("CREATE TABLE ocinb_version AS SELECT ? AS version", [SCHEMA_VERSION])
