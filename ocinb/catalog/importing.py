"""Importing: a catalogue out of the Parquet files of an export, which are checked before anything is believed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import duckdb

from ocinb._pool import check_stopped
from ocinb._text import printable
from ocinb.catalog.connection import Connections, check_directory, transaction
from ocinb.catalog.exporting import mark_of, table_types
from ocinb.catalog.opening import OTHER_PATH, reason
from ocinb.catalog.placing import beside, discard, put_in_place, told_as
from ocinb.catalog.versions import check_version
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.sources.file_reader import reading
from ocinb.spec.digest import Digest, verify
from ocinb.spec.schema1_signature import verify_manifest

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
    """Make a catalogue in a file out of an export; it is there with all of it or not.

    Raises
    ------
    NotFoundError
        If there is no such directory.
    InvalidError
        If it is no export of this version, or something stands at the path.
    IntegrityError
        If a document in it does not match its digest, or a row has no key.
    TransportError
        If the file cannot be written.
    """
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
    """Put all tables of an export into an empty catalogue in memory, or nothing.

    Raises
    ------
    OcinbError
        As `read_export` does.
    """
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
