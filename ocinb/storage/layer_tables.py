"""Layer tables: the entries of layers, kept beside their blobs so that no layer is read twice.

Each is a Parquet file, ``index/<algorithm>/<hex>.parquet``, with a row per entry and a checksum. It stays valid when
the blob is gone. A file that is damaged, of another version or of another layer is ignored, and the layer read again.
"""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import duckdb

from ocinb._pool import check_stopped, interrupted_by
from ocinb.archive.entries import COLUMNS, Columns
from ocinb.errors import TransportError
from ocinb.spec.digest import Digest
from ocinb.storage.blobs import note_use
from ocinb.storage.safe_files import (
    MORE_ROOM,
    is_real_folder,
    new_own_file,
    open_plain,
    says_full,
)

logger = logging.getLogger("ocinb")

_MARK: Final = b'"seal": "'
_BLANK: Final = b"0" * 64
# The note stands in the last bytes.
_TAIL_BYTES: Final = 4096
_CHUNK: Final = 4 * 1024 * 1024


def blank_note(content: Mapping[str, str | int]) -> str:
    """Give the note that has to be in a file before it is sealed; its texts are plain, without braces."""
    return json.dumps({**content, "seal": _BLANK.decode()})


def seal(path: Path) -> None:
    """Seal a file that holds a blank note.

    Raises
    ------
    OSError
        If it cannot be read or written.
    ValueError
        If it holds none.
    """
    with path.open("r+b", buffering=0) as file:
        _, place = _find(file)
        digest = _footer_digest(file, place)
        file.seek(place)
        file.write(digest)


def sealed_note(file: BinaryIO) -> dict[str, Any] | None:
    """Read the note of a file; None if it holds none, or anything in the file is not as it was when it was sealed."""
    try:
        note, place = _find(file)
        said = str(note.get("seal")).encode()
    except (ValueError, RecursionError):
        return None
    return note if said == _footer_digest(file, place) else None


def _find(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """Find the note, and where in the file its digest stands."""
    start = max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES)
    file.seek(start)
    tail = file.read(_TAIL_BYTES)
    place = tail.rindex(_MARK) + len(_MARK)
    end = place + len(_BLANK)
    note = json.loads(tail[tail.rindex(b"{", 0, place) : end + len(b'"}')])
    return note, start + place


def _footer_digest(file: BinaryIO, place: int) -> bytes:
    """Give the digest of all but the place where it stands."""
    hashed = hashlib.sha256()
    for start, end in ((0, place), (place + len(_BLANK), os.fstat(file.fileno()).st_size)):
        file.seek(start)
        left = end - start
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            check_stopped()
            hashed.update(chunk)
            left -= len(chunk)
    return hashed.hexdigest().encode()


# Of what is written: another one when the columns change, or what the rows of a layer are.
VERSION: Final = 2
# So many rows are handed over at a time, and take about 150 bytes each until they are written.
BATCH_ROWS = 20_480
# Or so many characters of names, which may be much longer than any honest one.
BATCH_NAMES = 16 * 1024 * 1024
# And so many are read at a time: what DuckDB gives of a row takes as much memory as what is kept of it.
READ_ROWS = 2 * BATCH_ROWS

# As DuckDB says what stands in a column.
_TYPES: Final = {
    "position": "BIGINT",
    "path": "VARCHAR",
    "type": "VARCHAR",
    "size_bytes": "BIGINT",
    "mode": "BIGINT",
    "uid": "BIGINT",
    "gid": "BIGINT",
    "mtime": "BIGINT",
    "link_target": "VARCHAR",
    "sha256": "BLOB",
    "offset": "BIGINT",
}
_MAY_BE_UNKNOWN = frozenset({"mtime", "link_target", "sha256", "offset"})
_TEXTS = frozenset({"path", "type", "link_target", "sha256"})
_REPEATED = frozenset({"type", "mode", "uid", "gid", "mtime"})
# What stands for a number that is not known, while it is handed over.
_UNKNOWN = -(2**63)
# Filters for single values would take a quarter of the time of a small table, and nobody looks for one.
_WRITE = """
    COPY (
        SELECT position, path, type, size_bytes, mode, uid, gid, nullif(mtime, $unknown) AS mtime, link_target,
            unhex(sha256) AS sha256, nullif("offset", $unknown) AS "offset"
        FROM batch
    ) TO $file (FORMAT parquet, COMPRESSION zstd, WRITE_BLOOM_FILTER false, USE_TMP_FILE false,
    KV_METADATA {ocinb: $note}, ROW_GROUP_SIZE $rows)
"""
_JOIN = """
    COPY (FROM read_parquet($parts)) TO $file
    (FORMAT parquet, COMPRESSION zstd, WRITE_BLOOM_FILTER false, USE_TMP_FILE false,
    KV_METADATA {ocinb: $note}, ROW_GROUP_SIZE $rows)
"""
_READ = """
    SELECT position, path, type, size_bytes, mode, uid, gid, mtime, link_target, sha256, "offset"
    FROM read_parquet($file, file_row_number = true)
    WHERE file_row_number >= $first AND file_row_number < $end
"""
# One thread each: there are as many layers at a time as the machine can do. Nothing is fetched, nothing is swapped.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


@dataclass(frozen=True, slots=True)
class Table:
    """A layer that was read.

    Attributes
    ----------
    digest
        Of the layer as it is stored.
    diff_id
        The digest of its tar.
    tar_bytes
        How long its tar is.
    entries
        What stands in it.
    file
        Where that is kept, as it was when it was read or written; None if it is kept nowhere.
    """

    digest: Digest
    diff_id: str
    tar_bytes: int
    entries: Columns
    file: Path | None = None


class _ForeignError(Exception):
    """A file is sealed, but others wrote it: its columns are not ours. It never leaves this module."""


class Tables:
    """The tables of one store."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: Digest) -> Path:
        """Say where the table of a layer stands, or would stand."""
        return self.root / "index" / digest.algorithm / f"{digest.hex}.parquet"

    def find(self, digest: Digest) -> Table | None:
        """Read the table of a layer; None if there is none that can be believed."""
        path = self.path(digest)
        if not self.is_ours(path):
            return None
        with suppress(OSError, duckdb.Error, _ForeignError), open_plain(path) as file:
            note = sealed_note(file)
            if note is None or not _is_of(note, digest):
                return None
            note_use(file.fileno(), os.fstat(file.fileno()))
            return Table(digest, note["diff_id"], note["tar_bytes"], self._read(path), path)
        check_stopped()  # it may be that which ended the reading
        return None

    def sealed(self, digest: Digest) -> Path | None:
        """Give the file of the table of a layer, for another connection to read; None if it cannot be believed."""
        path = self.path(digest)
        if not self.is_ours(path):
            return None
        with suppress(OSError, duckdb.Error), open_plain(path) as file:
            note = sealed_note(file)
            if note is not None and _is_of(note, digest) and self._has_our_columns(path):
                return path
        check_stopped()
        return None

    def writer(self, digest: Digest) -> Writer:
        """Begin to keep what is read of a layer."""
        return Writer(self, digest)

    def is_ours(self, path: Path) -> bool:
        """Say whether the folders of a table are no links, which lead anywhere."""
        return is_real_folder(path.parent) and is_real_folder(path.parent.parent)

    def _has_our_columns(self, path: Path) -> bool:
        with _cursor() as cursor:
            found = cursor.execute(_READ, {"file": glob.escape(str(path)), "first": 0, "end": 0})
            return _types(found) == _TYPES

    def _read(self, path: Path) -> Columns:
        entries, first, rows = Columns(), 0, READ_ROWS
        cursor = _cursor()
        with cursor, interrupted_by(cursor.interrupt):
            while rows == READ_ROWS:
                values = {"file": glob.escape(str(path)), "first": first, "end": first + READ_ROWS}
                found = cursor.execute(_READ, values)
                if _types(found) != _TYPES:
                    raise _ForeignError
                more = columns_of(found.fetchnumpy())
                entries.extend(more)
                rows = len(more)
                first += rows
        return entries


class Writer:
    """Keeps what is read of a layer: in memory, and in a table where there can be one.

    Used as a context manager: what it wrote is gone at the end of the block, unless it was completed.
    """

    def __init__(self, tables: Tables, digest: Digest) -> None:
        self._tables = tables
        self._digest = digest
        self._entries = Columns()
        self._written = 0  # how many of the entries are in the parts
        self._names = 0  # characters of those that are in none
        self._files: list[Path] = []  # the parts, and the table at last
        self._keeps = True
        self._named: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries = Columns()  # whoever keeps an error keeps all that it passed through
        for file in self._files:
            with suppress(OSError):  # whoever finds it cleans it up
                file.unlink(missing_ok=True)

    def add(self, entries: Columns) -> None:
        """Take further entries.

        Raises
        ------
        TransportError
            If the disk is full.
        """
        for some, names in _split(entries):
            self._entries.extend(some)
            self._names += names
            if len(self._entries) - self._written >= BATCH_ROWS or self._names >= BATCH_NAMES:
                self._attempt(self._write_rest)

    def complete(self, diff_id: str, tar_bytes: int) -> Table:
        """Keep the table, now that all entries are there, and give it.

        Raises
        ------
        TransportError
            If the disk is full.
        """
        said: dict[str, str | int] = {"version": VERSION, "digest": self._digest}
        note = blank_note({**said, "diff_id": diff_id, "tar_bytes": tar_bytes})
        self._attempt(lambda: self._write_table(note))
        return Table(self._digest, diff_id, tar_bytes, self._entries, self._named)

    def _attempt(self, write: Callable[[], None]) -> None:
        """Write something; where nothing can be written, as in a store that is only lent, nothing is kept."""
        if not self._keeps:
            return
        try:
            write()
        except (OSError, duckdb.Error) as error:
            check_stopped()  # it may be that which ended the writing
            path = self._tables.path(self._digest)
            if says_full(str(error)):
                raise TransportError(f"{path} cannot be written: the disk is full", hint=MORE_ROOM) from None
            logger.info("%s is not kept: %s", path, error)
            self._keeps = False

    def _write_table(self, note: str) -> None:
        if not self._files:
            self._write_rest(note)
        else:
            self._write_rest()
            parts = [glob.escape(str(part)) for part in self._files]
            self._run(_JOIN, {"parts": parts, "note": note})
        seal(self._files[-1])
        self._name(self._files[-1])

    def _name(self, file: Path) -> None:
        """Give the table its name, through no link."""
        path = self._tables.path(self._digest)
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
            if not is_real_folder(folder):
                return
        file.replace(path)
        self._named = path

    def _write_rest(self, note: str = "") -> None:
        """Write the entries that are in no part yet."""
        batch = _arrays(self._entries, self._written)
        self._written, self._names = len(self._entries), 0
        self._run(_WRITE, {"unknown": _UNKNOWN, "note": note}, batch)

    def _run(self, query: str, values: dict[str, Any], batch: dict[str, Any] | None = None) -> None:
        """Have DuckDB write a new file."""
        file = _new_file(self._tables.root)
        self._files.append(file)
        cursor = _cursor()
        with cursor, interrupted_by(cursor.interrupt):
            if batch is not None:
                cursor.register("batch", batch)
            cursor.execute(query, {**values, "file": str(file), "rows": BATCH_ROWS})


class _Memory:
    """The one DuckDB of this process, which keeps nothing: to make one takes longer than to read most layers."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made: list[duckdb.DuckDBPyConnection] = []


_memory = _Memory()
_left: list[_Memory] = []  # of processes that this one was forked from: nothing of them may be ended here


def _cursor() -> duckdb.DuckDBPyConnection:
    """Give a connection for one thread."""
    with _memory.lock:
        if not _memory.made:
            _memory.made.append(duckdb.connect(config=_CONFIG))
            _memory.made[0].execute("SET GLOBAL pandas_analyze_sample = 0")  # all that is no number is text
        return _memory.made[0].cursor()


def _begin_anew() -> None:
    """Leave it to the process that made it: who had the lock is not here to give it back, nor are its threads."""
    global _memory  # noqa: PLW0603 - nobody else can have it at this moment
    _left.append(_memory)
    _memory = _Memory()


os.register_at_fork(after_in_child=_begin_anew)


def _is_of(note: dict[str, Any], digest: Digest) -> bool:
    """Say whether a note is of this version and layer, and says what it has to."""
    known = (note.get("version"), note.get("digest")) == (VERSION, digest)
    return known and isinstance(note.get("diff_id"), str) and type(note.get("tar_bytes")) is int


def _new_file(root: Path) -> Path:
    """Make a file that nobody else may read, where killed processes leave what is cleaned up."""
    file = new_own_file(root, "new")
    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return file


def _types(found: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return {column[0]: str(column[1]) for column in found.description or ()}


def columns_of(found: dict[str, Any]) -> Columns:
    """Give what DuckDB read of a table as entries; what is often the same is one object, not one for each row."""
    columns: dict[str, Any] = {}
    seen: dict[Any, Any] = {}
    while found:  # the arrays go one by one: all of them and the lists are too much
        name, values = found.popitem()
        if name not in _MAY_BE_UNKNOWN and getattr(values, "mask", values[:0]).any():
            raise _ForeignError
        columns[name] = values.tolist()
        if name in _REPEATED:
            columns[name] = list(map(seen.setdefault, columns[name], columns[name]))
    columns["type"] = list(map(sys.intern, columns["type"]))
    columns["sha256"] = [None if digest is None else bytes(digest) for digest in columns["sha256"]]
    return Columns(**columns)


def _split(entries: Columns) -> Iterator[tuple[Columns, int]]:
    """Give entries as they came, or a few at a time if their names are long, each time with how long they are."""
    lengths = [len(path) + len(target or "") for path, target in zip(entries.path, entries.link_target, strict=True)]
    if sum(lengths) < BATCH_NAMES:
        yield entries, sum(lengths)
        return
    first = names = 0
    for place, length in enumerate(lengths):
        names += length
        if names >= BATCH_NAMES or place == len(lengths) - 1:
            yield entries.chosen(range(first, place + 1)), names
            first, names = place + 1, 0


def _arrays(entries: Columns, first: int) -> dict[str, Any]:
    """Give the entries from one on as DuckDB reads them fastest."""
    import numpy as np

    rest = {name: getattr(entries, name)[first:] for name in COLUMNS}
    rest["sha256"] = [None if digest is None else digest.hex() for digest in rest["sha256"]]
    for name in ("mtime", "offset"):
        rest[name] = [_UNKNOWN if value is None else value for value in rest[name]]
    return {name: np.array(values, dtype=object if name in _TEXTS else np.int64) for name, values in rest.items()}
