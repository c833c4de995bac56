"""Connections to a catalogue: short ones to a file, so that others get their turn, one that stays in memory."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import TypeVar

import duckdb

from ocinb._pool import check_stopped, run_all, woken_by
from ocinb.errors import InvalidError, TransportError
from ocinb.sources.files import reading
from ocinb.sources.paths import local_path

T = TypeVar("T")

MEMORY = ":memory:"
SCHEMA_VERSION = 2
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
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.05

# How DuckDB says who has a file: by its program and the number of its process.
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<process>\d+)\)")
# What a full disk says at the end of a transaction.
_NOT_COMMITTED = "Failed to commit"
_OF_THE_MACHINE = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException)


class OpenHereError(TransportError):
    """The file is open in this very process, by a connection that does not go with ours."""


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
        if isinstance(self.path, Path):
            _check_unfinished(self.path)
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

    def ask(self, question: Callable[[duckdb.DuckDBPyConnection], T], *, what: str) -> T:
        """Have a question answered in a thread of its own, which Ctrl-C ends within two seconds.

        It has a connection to itself: DuckDB heeds another thread's interrupt at once, and Ctrl-C late or never. What
        does not heed it goes on there, and nobody waits for it.

        Parameters
        ----------
        question
            Called with a connection.
        what
            What could not be done, if DuckDB refuses.
        """

        def answer(asked: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
            with self.connect() as connection, translated(what), woken_by(connection.interrupt):
                return asked(connection)

        [answered] = run_all(answer, [question], workers=1)
        return answered

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection to one thread at a time: what two put in at a time would stand twice."""
        with self._writing, self.connect() as connection:
            connection.execute(f"SET checkpoint_threshold = '{LOG_SIZE}'")
            yield connection

    def close(self) -> None:
        """Give up what is in memory; a file is always closed already."""
        if self._kept is not None:
            self._kept.close()


def script(name: str) -> str:
    """Read SQL of ours by the name of its file."""
    return resources.files("ocinb.catalog").joinpath(name).read_text("utf-8")


def _cursor(kept: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    try:
        return kept.cursor()
    except duckdb.ConnectionException:
        raise InvalidError("the catalogue in memory was closed", hint="Make a new one: ocinb.Catalog()") from None


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
        raise TransportError(f"{what}: {reason(error)}") from None
    except duckdb.Error as error:
        kind = TransportError if _NOT_COMMITTED in str(error) else InvalidError
        raise kind(f"{what}: {reason(error)}") from None
    except RuntimeError as error:
        if str(error) == "Query interrupted":  # what becomes of Ctrl-C while DuckDB has the main thread
            raise KeyboardInterrupt from None
        raise


def _check_unfinished(path: Path) -> None:
    """Look at a file whose last process was killed before it is opened to be written.

    DuckDB then completes it from what that process wrote beside it, and a file of another version is to be left alone.
    """
    with reading(str(path)):
        if not path.exists() or not Path(f"{path}.wal").exists():
            return
    try:
        connection = _connect(path, read_only=True)
    except OpenHereError:  # so nobody was killed
        return
    with connection:
        _version_of(connection, str(path))


def _connect(path: str | Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection = duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            held = isinstance(error, duckdb.IOException) and "Could not set lock" in str(error)
            if held and time.monotonic() < deadline:
                check_stopped()
                time.sleep(PAUSE_SECONDS)
                continue
            raise _cannot_open(path, error, held=held) from None
        # SET alone is lost in cursors, and an aware frame loaded under another zone shifts by hours.
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        return connection


def _cannot_open(path: str | Path, error: duckdb.Error, *, held: bool) -> TransportError | InvalidError:
    if isinstance(error, duckdb.ConnectionException):
        hint = "Close that connection, or ask by Catalog.sql"
        return OpenHereError(f"the catalogue {path} is open in this process by another connection", hint=hint)
    if held:
        holder = _HOLDER.search(str(error))
        who = f"process {holder['process']} ({Path(holder['program']).name})" if holder else "another process"
        return TransportError(f"the catalogue {path} is in use by {who}", hint="Close it there, or try again later")
    return InvalidError(f"{path} cannot be opened as a catalogue: {reason(error)}", hint="Choose another path")


def reason(error: duckdb.Error) -> str:
    """Give DuckDB's words in one line, without the picture of the query in them."""
    return " ".join(re.split(r"\n+LINE \d+:", str(error))[0].split())


def _prepare(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    if _version_of(connection, path) is None:
        _create(connection)


def _version_of(connection: duckdb.DuckDBPyConnection, path: str) -> int | None:
    """Give the version of a catalogue; None if nothing is in the file.

    Raises
    ------
    InvalidError
        If it is another one than ours, or no catalogue.
    """
    there = connection.execute(
        "SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    if not there:
        return None
    if ("ocinb_version",) not in there:
        raise InvalidError(f"{path} is a database, but no catalogue of ocinb", hint="Choose another path")
    versions = [version for (version,) in connection.execute("SELECT version FROM ocinb_version").fetchall()]
    check_version(versions, f"{path} is a catalogue")
    return SCHEMA_VERSION


def check_version(versions: Sequence[object], what: str) -> None:
    """Refuse what another version wrote.

    Parameters
    ----------
    versions
        The versions that it says to be of, which has to be one.
    what
        What it is, for the message.

    Raises
    ------
    InvalidError
        If it is not ours; the hint says what to do.
    """
    if list(versions) == [SCHEMA_VERSION]:
        return
    said = ", ".join(map(str, versions)) or "unknown"
    newer = len(versions) == 1 and isinstance(versions[0], int) and versions[0] > SCHEMA_VERSION
    hint = "Update ocinb, or choose another path" if newer else "Choose another path and add the images anew"
    raise InvalidError(f"{what} of version {said}, and this ocinb reads version {SCHEMA_VERSION}", hint=hint)


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    with transaction(connection):
        for name in SCRIPTS:
            connection.execute(script(name))
        connection.execute("CREATE TABLE ocinb_version AS SELECT ? AS version", [SCHEMA_VERSION])
