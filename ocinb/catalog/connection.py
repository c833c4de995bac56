"""Connections to a catalogue: short ones to a file, so that others get their turn, one that stays in memory."""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import TypeVar

import duckdb

from ocinb._pool import check_stopped, run_all, woken_by
from ocinb._text import nearest
from ocinb.catalog.placing import beside, discard, put_in_place
from ocinb.catalog.versions import SCHEMA_VERSION, version_of
from ocinb.errors import InvalidError, NotFoundError, TransportError
from ocinb.sources.files import reading
from ocinb.sources.paths import local_path

T = TypeVar("T")

MEMORY = ":memory:"
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
# What stands at the end if it was the system that refused to open a file, and not DuckDB that refuses what is in it.
_OF_THE_SYSTEM = tuple(os.strerror(number) for number in errno.errorcode)
_OTHER = "Choose another path"
_NO_COLUMN = re.compile(
    r'column (?:named )?"(?P<name>[^"]+)"(?: does not exist on (?:left|right) side of join!)?$', re.IGNORECASE
)


class OpenHereError(TransportError):
    """The file is open in this very process, by a connection that does not go with ours."""


class Connections:
    """Gives connections to one catalogue.

    Parameters
    ----------
    path
        The file, or ``":memory:"``. One that is not there is made: all of it, or nothing.

    Raises
    ------
    InvalidError
        If the file is no catalogue of this version, which is left as it is, or if there is no directory for it.
    TransportError
        If another process holds it for longer than a few seconds, or the disk does not let us.
    """

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, str | PathLike) or not str(path):
            raise InvalidError(f"a catalogue takes the path of a file, not {path!r}")
        self.path = path if path == MEMORY else local_path(str(path))
        self._writing = threading.Lock()
        self._kept = _connect(MEMORY) if path == MEMORY else None
        if isinstance(self.path, Path):
            if not _is_there(self.path):
                _make(self.path)
            _check_unfinished(self.path)
        with self.write() as connection:
            if version_of(connection, str(self.path)) is None:
                _fill(connection)

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
            with self.connect() as connection, _guessing(connection), translated(what), woken_by(connection.interrupt):
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


@contextmanager
def _guessing(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Say which column may have been meant, where DuckDB does not: behind an alias, and in USING."""
    try:
        yield
    except InvalidError as error:
        mistyped = _NO_COLUMN.search(error.message)
        if mistyped:
            columns = "SELECT DISTINCT column_name FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
            with _cursor(connection) as beside:  # what failed may have begun a transaction, in which nothing goes on
                near = nearest(mistyped["name"], [name for (name,) in beside.execute(columns).fetchall()])
            error.hint = f"Did you mean {near!r}?" if near else error.hint
        raise


def _is_there(path: Path) -> bool:
    """Say whether a file is there, and refuse what cannot be one."""
    left = os.path.lexists(f"{path}.wal")  # looked for first: whoever makes the file now has its log beside it later
    with reading(str(path)):
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            if left:
                hint = "Remove it, or choose another path"
                raise InvalidError(f"{path}.wal belongs to a file that is gone", hint=hint) from None
            return False
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise InvalidError(f"{path} is {kind}, so it is no catalogue", hint=_OTHER)
    return True


def _make(path: Path) -> None:
    """Make a catalogue beside its place, and give it its name when it is whole.

    If another process is faster, its catalogue is the one that stays.
    """
    place = Path(os.path.realpath(path))  # a link may lead to where nothing is yet
    check_directory(place)
    partial = beside(place, "partial")
    what = f"the catalogue {path} cannot be made"
    try:
        with translated(what), duckdb.connect(str(partial)) as connection:
            _fill(connection)
            connection.execute("CHECKPOINT")  # so that the file is whole without what stands beside it
        with suppress(FileExistsError):
            put_in_place(partial, place)
    except OSError as error:
        raise TransportError(f"{what}: {error.strerror}", hint=_OTHER) from None
    finally:
        discard(partial)


def check_directory(path: Path) -> None:
    """Refuse a path for a new file if there is no directory for it.

    Raises
    ------
    InvalidError
        If there is none.
    TransportError
        If the system does not let us look.
    """
    with reading(str(path)):
        if not path.parent.is_dir():
            raise InvalidError(f"there is no directory {path.parent}", hint=_OTHER)


def _check_unfinished(path: Path) -> None:
    """Look at a file whose last process was killed before it is opened to be written.

    DuckDB then completes it from what that process wrote beside it, and a file of another version is to be left alone.
    """
    if not Path(f"{path}.wal").exists():
        return
    try:
        connection = _connect(path, read_only=True)
    except OpenHereError:  # so nobody was killed
        return
    with connection:
        version_of(connection, str(path))


def _connect(path: str | Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + PATIENCE_SECONDS
    if isinstance(path, Path) and not _is_there(path):  # DuckDB would make an empty one
        raise NotFoundError(f"the catalogue {path} is gone", hint="Make a new one: ocinb.Catalog(path)")
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
    kind = TransportError if reason(error).endswith(_OF_THE_SYSTEM) else InvalidError
    return kind(f"{path} cannot be opened as a catalogue: {reason(error)}", hint=_OTHER)


def reason(error: duckdb.Error) -> str:
    """Give DuckDB's words in one line, without the picture of the query and the advice on its settings in them."""
    return " ".join(re.split(r"\n+LINE \d+:|\n+Possible solutions:", str(error))[0].split())


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Put all tables and views into a database in which nothing is."""
    with transaction(connection):
        for name in SCRIPTS:
            connection.execute(script(name))
        connection.execute("CREATE TABLE ocinb_version AS SELECT ? AS version", [SCHEMA_VERSION])
