"""The file of cached registry responses: its keys and rows, read without requests-cache.

``caching_session`` fills the file. This module costs no import of requests-cache, which a pull by digest never needs.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ocinb.errors import TransportError

logger = logging.getLogger("ocinb")

FILE = "responses.sqlite"
ASIDE = ".damaged-"
BUSY_SECONDS = 5.0
SUFFIXES = ("", "-wal", "-shm")


class Key(str):
    """What an answer is called in the file."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Row:
    """An answer: its key, its size in bytes, and when it came, in seconds since 1970; 0 if nobody can tell."""

    key: Key
    size: int
    created: float


def set_aside(folder: Path) -> list[Path]:
    """List the files that were damaged or foreign, and were set aside."""
    return list(folder.glob(f"{FILE}{ASIDE}*"))


def overhead(folder: Path) -> int:
    """Give the bytes that the file of the answers takes on the disk beside them, which pruning does not win back."""
    total = 0
    for suffix in SUFFIXES:
        with suppress(OSError):
            total += (folder / f"{FILE}{suffix}").stat().st_size
    return max(0, total - sum(row.size for row in list_rows(folder)))


def list_rows(folder: Path) -> list[Row]:
    """List the answers; a file that cannot be read has none."""
    # The value is JSON, unless a stranger wrote it; what cannot be read is the first to go.
    query = (
        "SELECT key, length(CAST(value AS BLOB)), CASE WHEN json_valid(CAST(value AS TEXT)) "
        "THEN json_extract(CAST(value AS TEXT), '$.created_at') END FROM responses"
    )
    try:
        with _opened(folder) as connection:
            return [Row(Key(key), size or 0, _moment(created)) for key, size, created in connection.execute(query)]
    except (sqlite3.Error, FileNotFoundError):
        return []


def remove_rows(folder: Path, keys: Iterable[Key]) -> None:
    """Remove answers.

    Raises
    ------
    TransportError
        If the file cannot be written.
    """
    try:
        with _opened(folder) as connection:
            with connection:
                connection.executemany("DELETE FROM responses WHERE key = ?", ((key,) for key in keys))
            with suppress(sqlite3.OperationalError):  # somebody reads it: it becomes smaller another time
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except FileNotFoundError:
        return
    except sqlite3.Error as error:
        is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        hint = "Free some space, and try again" if is_full else "End what uses it, or try again later"
        raise TransportError(f"{folder / FILE} cannot be cleaned up: {error}", hint=hint) from None


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    path = folder / FILE
    if not path.is_file():
        raise FileNotFoundError(path)
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        yield connection


def _moment(created: object) -> float:
    try:
        return datetime.fromisoformat(str(created)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


_FOLDER = "asking"


def is_asking(folder: Path, registry: str) -> bool:
    """Say whether a registry is known to ask."""
    try:
        return _mark(folder, registry).exists()
    except OSError:
        return False


def note_asking(folder: Path, registry: str) -> None:
    """Remember that a registry asks; where nothing can be written, nothing is remembered."""
    mark = _mark(folder, registry)
    with suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark.touch(mode=0o600)


def _mark(folder: Path, registry: str) -> Path:
    return folder / _FOLDER / hashlib.sha256(registry.encode("utf-8", "surrogatepass")).hexdigest()
