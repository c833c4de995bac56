"""Copies of a catalogue as Parquet files, for those who have no DuckDB, or another one."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from ocinb._arguments import suggesting
from ocinb.catalog.connection import Connections
from ocinb.catalog.exporting import export_tables
from ocinb.errors import InvalidError
from ocinb.sources.name_lookup import local_path


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
    """Say which folder somebody gave.

    Raises
    ------
    OcinbError
        If it is no path.
    """
    path = os.fspath(given) if isinstance(given, str | PathLike) else None
    if not path:
        raise InvalidError(f"{given!r} is no path")
    return local_path(os.fsdecode(path))
