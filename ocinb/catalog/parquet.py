"""Exporting: the tables of a catalogue as Parquet files, which come into being all at once."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from os import PathLike
from pathlib import Path
from types import MappingProxyType

import duckdb

from ocinb._arguments import suggesting
from ocinb._pool import check_stopped
from ocinb._text import printable
from ocinb.catalog.connection import Connections, check_directory, script, transaction
from ocinb.catalog.open_file import (
    MEMORY,
    OTHER_PATH,
    SCHEMA_VERSION,
    beside,
    check_version,
    discard,
    put_in_place,
    reason,
    told_as,
)
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.sources.file_reader import reading
from ocinb.sources.name_lookup import local_path
from ocinb.spec.digest import Digest, verify
from ocinb.spec.documents import verify_manifest

# Under which name a file says what it is.
MARK = "ocinb"
_OTHER = "Choose another directory"


@cache
def table_types() -> dict[str, dict[str, str]]:
    """Give the columns of each table, with their types."""
    with duckdb.connect(MEMORY) as connection:
        connection.execute(script("schema.sql"))
        rows = connection.execute("SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal")
        types: dict[str, dict[str, str]] = {}
        for table, column, kind in rows.fetchall():
            types.setdefault(table, {})[column] = kind
    return types


def export_tables(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    """Write a file for each table, as they are at one moment, into a folder that is there with all of them or not."""
    with _writing(directory):
        _check_place(directory)
        directory.parent.mkdir(parents=True, exist_ok=True)
        partial = beside(directory, "partial")
        partial.mkdir()
    try:
        _write_tables(connection, partial)
        with _writing(directory):
            _put_in_place(partial, directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def mark_of(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, object]:
    """Read what a Parquet file says that it is, {} if it does not."""
    query = "SELECT value FROM parquet_kv_metadata(?) WHERE key = ?"
    found = connection.execute(query, [str(path), MARK.encode()]).fetchall()
    try:
        mark = json.loads(found[0][0]) if len(found) == 1 else {}
    except (ValueError, RecursionError):
        return {}
    return mark if isinstance(mark, dict) else {}


def _write_tables(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    export = secrets.token_hex(8)
    with transaction(connection):
        for table in table_types():
            _write_table(connection, table, folder / f"{table}.parquet", export)


def _write_table(connection: duckdb.DuckDBPyConnection, table: str, path: Path, export: str) -> None:
    mark = json.dumps({"version": SCHEMA_VERSION, "table": table, "export": export})
    options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{MARK}: '{mark}'}}"
    connection.execute(f"COPY {table} TO ? ({options})", [str(path)])


def _check_place(directory: Path) -> None:
    """Refuse to write over what is no export of ours."""
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise InvalidError(f"{directory} is there already, and no folder", hint=_OTHER)
    if not directory.exists():
        return
    files = sorted(directory.iterdir())
    with duckdb.connect(MEMORY) as connection:
        strange = next((path for path in files if not _is_ours(connection, path)), None)
    if strange is not None:
        raise InvalidError(f"{directory} has files that are no export: {printable(strange.name)}", hint=_OTHER)


def _is_ours(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or path.suffix != ".parquet":
        return False
    try:
        return mark_of(connection, path).get("table") == path.stem
    except duckdb.Error:
        return False


def _put_in_place(partial: Path, directory: Path) -> None:
    if not directory.exists():
        partial.rename(directory)
        return
    old = beside(directory, "old")
    directory.rename(old)
    try:
        partial.rename(directory)
    except BaseException:
        old.rename(directory)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TransportError(f"{path} cannot be written: {error.strerror}", hint=_OTHER) from None


_NO_EXPORT = "Catalog.export makes such a directory"
# Two kilobytes can claim any number of rows that are alike. Of ours each takes a byte or more: they have digests,
# positions or times.
ROWS_PER_BYTE = 100
# Two kilobytes can also hold gigabytes of text: a thousand rows with a megabyte each took 3.9 GB on their way into a
# file. Two million rows of files take 0.3 GB.
MEMORY_LIMIT = "2GB"
# DuckDB knows SHA-256 alone, and a signed document of Docker's schema 1 has the digest of what was signed, and not of
# all its bytes.
_UNSEEN = """
    SELECT digest, raw, is_manifest FROM (
        SELECT manifest_digest AS digest, raw, true AS is_manifest FROM manifests
        UNION ALL SELECT config_digest, raw, false FROM configs
    )
    WHERE (digest = 'sha256:' || sha256(raw)) IS NOT TRUE
"""
# What rows are found by. Whoever reads on trusts that it is there.
_KEYS = MappingProxyType(
    {
        "observations": ("repository",),
        "manifests": ("manifest_digest", "raw"),
        "index_entries": ("index_digest", "position", "manifest_digest"),
        "configs": ("config_digest", "raw"),
        "manifest_layers": ("manifest_digest", "layer", "layer_digest"),
        "history": ("manifest_digest", "position"),
        "layers": ("layer_digest",),
        "files": ("layer_digest", "position", "path", "type"),
        "overlay": ("manifest_digest", "layer", "position"),
        "referrers": ("repository", "subject", "referrer_digest"),
    }
)


def read_export(directory: Path, path: str | Path) -> None:
    """Make a catalogue in a file out of an export; it is there with all of it or not."""
    place = Path(path)
    _check_free(place)
    partial = beside(place, "partial")
    try:
        with told_as(place, partial):
            made = Connections(partial)
            made.ask(lambda connection: _fill_file(connection, directory), what=f"{directory} cannot be read")
        _check_free(place)
        put_in_place(partial, place)
    except FileExistsError:
        raise _taken(place) from None
    except OSError as error:
        raise TransportError(f"{place} cannot be written: {error.strerror}", hint=OTHER_PATH) from None
    finally:
        discard(partial)


def fill(connections: Connections, directory: Path) -> None:
    """Put all tables of an export into an empty catalogue in memory, or nothing."""
    connections.ask(lambda connection: _fill(connection, directory), what=f"{directory} cannot be read")


def _fill_file(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    _fill(connection, directory)
    connection.execute("CHECKPOINT")  # so that the file is whole without what stands beside it


def _fill(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    files = _files_of(directory)
    _check_marks(connection, files)
    with transaction(connection):
        for table, path in files.items():
            with _parquet(path):
                _check_columns(connection, table, path)
                _check_rows(connection, path)
                query = f"INSERT INTO {table} BY NAME FROM read_parquet(?, hive_partitioning = false)"
                connection.execute(query, [str(path)])
                _check_keys(connection, table, path)
        _check_documents(connection, directory)


def _check_free(path: Path) -> None:
    check_directory(path)
    if os.path.lexists(path) or os.path.lexists(f"{path}.wal"):
        raise _taken(path)


def _taken(path: Path) -> InvalidError:
    return InvalidError(f"there is something at {path} already", hint=OTHER_PATH)


def _files_of(directory: Path) -> dict[str, Path]:
    files = {table: directory / f"{table}.parquet" for table in table_types()}
    with reading(str(directory)):
        if not directory.is_dir():
            raise NotFoundError(f"there is no directory {directory}", hint=_NO_EXPORT)
        missing = [path.name for path in files.values() if not path.is_file()]
    if missing:
        raise InvalidError(f"{directory} is no export of a catalogue: it has no {missing[0]}", hint=_NO_EXPORT)
    return files


def _check_marks(connection: duckdb.DuckDBPyConnection, files: dict[str, Path]) -> None:
    """Refuse files that are not of one export of this version."""
    exports = set()
    for table, path in files.items():
        with _parquet(path):
            mark = mark_of(connection, path)
        if mark.get("table") != table:
            raise InvalidError(f"{path} does not say that it is the table {table} of a catalogue", hint=_NO_EXPORT)
        version = mark.get("version")
        check_version([version if isinstance(version, int) else "unknown"], f"{path} is of a catalogue")
        exports.add(str(mark.get("export")))
    if len(exports) > 1:
        raise InvalidError(f"the files in {path.parent} are of several exports", hint="Export the catalogue anew")


def _check_columns(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    query = "DESCRIBE FROM read_parquet(?, hive_partitioning = false)"
    found = {column: kind for column, kind, *_ in connection.execute(query, [str(path)]).fetchall()}
    expected = table_types()[table]
    if found == expected:
        return
    for column, kind in expected.items():
        if found.get(column) != kind:
            told = found.get(column, "not there")
            raise InvalidError(f"{path} is no table {table}: its column {column} is {told}, and has to be {kind}")
    strange = next(column for column in found if column not in expected)
    raise InvalidError(f"{path} is no table {table}: there is no column {printable(strange)} in it")


def _check_rows(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    query = "SELECT num_rows, file_size_bytes FROM parquet_file_metadata(?)"
    [(rows, size)] = connection.execute(query, [str(path)]).fetchall()
    if not 0 <= rows <= ROWS_PER_BYTE * size:
        raise InvalidError(f"{path} claims {rows:,} rows in {size:,} bytes", hint=_NO_EXPORT)


def _check_keys(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    for key in _KEYS.get(table, ()):
        if connection.table(table).filter(duckdb.ColumnExpression(key).isnull()).limit(1).fetchall():
            raise IntegrityError(f"a row of {path} has no {key}", hint=_NO_EXPORT)


def _check_documents(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    unseen = connection.execute(_UNSEEN)
    while row := unseen.fetchone():
        check_stopped()
        digest, raw, is_manifest = row
        try:
            (verify_manifest if is_manifest else verify)(raw.encode(), Digest(digest))
        except (IntegrityError, InvalidError):
            told = f"the document {printable(digest)} in {directory} does not match its digest"
            raise IntegrityError(told, hint=_NO_EXPORT) from None


@contextmanager
def _parquet(path: Path) -> Iterator[None]:
    """Say which file it is that DuckDB cannot read."""
    try:
        yield
    except (duckdb.InterruptException, duckdb.OutOfMemoryException, duckdb.FatalException):
        raise
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException) and str(path) not in str(error):
            raise  # the catalogue cannot be written
        raise InvalidError(f"{path} cannot be read as a Parquet file: {reason(error)}", hint=_NO_EXPORT) from None


class Exported:
    """How a catalogue leaves as files."""

    _connections: Connections

    @suggesting
    def export(self, directory: str | PathLike[str]) -> None:
        """Write each table into a Parquet file, ``<table>.parquet``, all as they are at one moment.

        Parameters
        ----------
        directory
            Where the files are to stand. It is made if need be, and is there with all of them or not at all; an export
            that stands there is replaced, anything else is left alone.

        Raises
        ------
        InvalidError
            If something else than an export stands there.
        TransportError
            If it cannot be written, or another process holds the catalogue for longer than a few seconds.

        Examples
        --------
        >>> import ocinb, tempfile
        >>> with tempfile.TemporaryDirectory() as folder, ocinb.Catalog() as catalog:
        ...     catalog.export(f"{folder}/tables")
        ...     copy = ocinb.Catalog.from_parquet(f"{folder}/tables")
        >>> len(copy.sql("FROM images"))
        0
        """
        place = folder_of(directory)
        self._connections.ask(lambda connection: export_tables(connection, place), what=f"{place} cannot be written")


def folder_of(given: str | PathLike[str]) -> Path:
    """Say which folder somebody gave."""
    path = os.fspath(given) if isinstance(given, str | PathLike) else None
    if not path:
        raise InvalidError(f"{given!r} is no path")
    return local_path(os.fsdecode(path))
