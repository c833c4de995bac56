"""Opening: DuckDB's way into a file, past those that are none of its own, with patience for others who hold it."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import re
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

import duckdb

from ocinb._pool import alone, pause
from ocinb.errors import InvalidError, NotFoundError, OcinbError, TransportError
from ocinb.sources.file_reader import reading

MEMORY = ":memory:"
# How long somebody who asks waits for another process that holds the file, and somebody who has fetched what is to be
# written. A writer closes the file for a few milliseconds only between two times: of three that did nothing but write,
# for 0.3 seconds each time, one waited for 7.
WAIT_SECONDS = 5.0
WRITERS_WAIT_SECONDS = 60.0
# On average: to look takes 8 milliseconds. By chance, since whoever looked in step with the one who holds the file
# would never find it free.
PAUSE_SECONDS = 0.05
OTHER_PATH = "Choose another path"

# A file of DuckDB has these four letters behind the sum of its first block.
_MAGIC, _MAGIC_OFFSET = b"DUCK", 8
_OPEN_FILES = Path("/dev/fd")
# How DuckDB says who has a file: by its program and the number of its process.
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<process>\d+)\)")
# What stands at the end if it was the system that refused to open a file, and not DuckDB that refuses what is in it.
_OF_THE_SYSTEM = tuple(os.strerror(number) for number in errno.errorcode)

_limit: ContextVar[float] = ContextVar("patience", default=float("inf"))


class OpenHereError(TransportError):
    """The file is open in this very process, by a connection that does not go with ours."""


@contextmanager
def impatient(seconds: float) -> Iterator[None]:
    """Wait no longer than so many seconds for a file that another process holds, whatever is done in this block."""
    token = _limit.set(seconds)
    try:
        yield
    finally:
        _limit.reset(token)


def open_memory() -> duckdb.DuckDBPyConnection:
    """Make a database that nothing is kept of."""
    return _in_utc(duckdb.connect(MEMORY))


def open_catalog_file(path: Path, *, wait_seconds: float, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a file."""
    if not is_there(path):  # DuckDB would make an empty one
        raise gone(path)
    deadline = time.monotonic() + min(wait_seconds, _limit.get())
    file = os.path.realpath(path)
    while True:
        try:
            with alone(("opening", file)):
                _check_magic(path, file)
                return _in_utc(duckdb.connect(file, read_only=read_only))
        except duckdb.Error as error:
            held = isinstance(error, duckdb.IOException) and "Could not set lock" in str(error)
            if not held or time.monotonic() >= deadline:
                raise _cannot_open(path, error, held=held) from None
        pause(PAUSE_SECONDS * random.uniform(0.2, 1.8))  # noqa: S311 - no secret


def is_there(path: Path) -> bool:
    """Say whether a file is there, and refuse what cannot be one."""
    log = f"{os.path.realpath(path)}.wal"
    left = os.path.lexists(log)  # looked for first: whoever makes the file now has its log beside it later
    with reading(str(path)):
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            if left:
                hint = "Remove it, or choose another path"
                raise InvalidError(f"{log} belongs to a file that is gone", hint=hint) from None
            return False
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise InvalidError(f"{path} is {kind}, so it is no catalogue", hint=OTHER_PATH)
    return True


def gone(path: Path) -> NotFoundError:
    """Say that a catalogue is not there any more."""
    return NotFoundError(f"the catalogue {path} is gone", hint="Make a new one: ocinb.Catalog(path)")


def reason(error: duckdb.Error) -> str:
    """Give DuckDB's words in one line, without the picture of the query and the advice on its settings in them."""
    return " ".join(re.split(r"\n+LINE \d+:|\n+Possible solutions:", str(error))[0].split())


def _in_utc(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    # SET alone is lost in cursors, and an aware frame loaded under another zone shifts by hours.
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def _check_magic(path: Path, file: str) -> None:
    """Refuse what is no file of DuckDB, which would fetch an extension for SQLite's over the network.

    To close a file gives up all locks that the process has on it, those of DuckDB too. So one that is open here already
    is not looked at, and nobody opens one meanwhile.
    """
    with reading(str(path)):
        if _is_open_here(file):
            return
        with Path(file).open("rb") as opened:
            head = opened.read(_MAGIC_OFFSET + len(_MAGIC))
    if head[_MAGIC_OFFSET:] != _MAGIC:
        raise InvalidError(f"{path} is no catalogue: it is no file of DuckDB", hint=OTHER_PATH)


def _is_open_here(file: str) -> bool:
    if not _OPEN_FILES.is_dir():  # nobody can say it, so DuckDB has to look itself
        return True
    wanted = Path(file).stat()
    for number in _OPEN_FILES.iterdir():
        try:
            found = os.fstat(int(number.name))
        except OSError:  # the list itself, or what was closed meanwhile
            continue
        if os.path.samestat(found, wanted):
            return True
    return False


def _cannot_open(path: Path, error: duckdb.Error, *, held: bool) -> TransportError | InvalidError:
    if isinstance(error, duckdb.ConnectionException):
        hint = "Close that connection, or ask by Catalog.sql"
        return OpenHereError(f"the catalogue {path} is open in this process by another connection", hint=hint)
    if held:
        holder = _HOLDER.search(str(error))
        who = f"process {holder['process']} ({Path(holder['program']).name})" if holder else "another process"
        return TransportError(f"the catalogue {path} is in use by {who}", hint="Close it there, or try again later")
    kind = TransportError if reason(error).endswith(_OF_THE_SYSTEM) else InvalidError
    return kind(f"{path} cannot be opened as a catalogue: {reason(error)}", hint=OTHER_PATH)


# With what is put around it no name gets too long for a disk.
_SHOWN = 40
# How the system says that a disk has no hard links, as memory sticks and some of what is mounted over a network.
_NO_LINKS = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK})


def beside(path: Path, what: str) -> Path:
    """Draw a name beside another one, on the same disk, that looks like neither."""
    return path.with_name(f".{path.name[:_SHOWN]}.{secrets.token_hex(4)}.{what}")


@contextmanager
def told_as(path: Path, partial: Path) -> Iterator[None]:
    """Say in errors how a file is called by whoever wanted it, and not what it is called until it is whole."""
    try:
        yield
    except OcinbError as error:
        error.message = error.message.replace(str(partial), str(path))
        error.args = (error.message,)
        raise


def put_in_place(partial: Path, path: Path) -> None:
    """Give a file that is whole its name."""
    try:
        os.link(partial, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename(partial, path)


def discard(partial: Path) -> None:
    """Remove what was begun, or the first name of what is in its place, as far as the disk lets us."""
    for left in (partial, Path(f"{partial}.wal")):
        with suppress(OSError):
            left.unlink(missing_ok=True)


def _rename(partial: Path, path: Path) -> None:
    """Do the same without links: renaming would write over another file, so one process at a time looks and renames."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        partial.rename(path)
    finally:
        os.close(folder)


SCHEMA_VERSION = 3


def version_of(connection: duckdb.DuckDBPyConnection, path: str) -> int | None:
    """Give the version of a catalogue; None if nothing is in the file."""
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
    """Refuse what another version wrote."""
    if list(versions) == [SCHEMA_VERSION]:
        return
    said = ", ".join(map(str, versions)) or "unknown"
    newer = len(versions) == 1 and isinstance(versions[0], int) and versions[0] > SCHEMA_VERSION
    hint = "Update ocinb, or choose another path" if newer else "Choose another path and add the images anew"
    raise InvalidError(f"{what} of version {said}, and this ocinb reads version {SCHEMA_VERSION}", hint=hint)
