"""Exporting: the tables of a catalogue as Parquet files, which come into being all at once."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

from ocinb._text import printable
from ocinb.catalog.connection import script, transaction
from ocinb.catalog.opening import MEMORY
from ocinb.catalog.placing import beside
from ocinb.catalog.versions import SCHEMA_VERSION
from ocinb.errors import InvalidError, TransportError

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
    """Write a file for each table, as they are at one moment, into a folder that is there with all of them or not.

    Raises
    ------
    InvalidError
        If something else than an export stands in that place.
    TransportError
        If it cannot be written.
    """
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
    """Read what a Parquet file says that it is, {} if it does not.

    Raises
    ------
    duckdb.Error
        If it is no Parquet file.
    """
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
