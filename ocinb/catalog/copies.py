"""Copies of a catalogue as Parquet files, for those who have no DuckDB, or another one."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from ocinb.catalog.connection import MEMORY, Connections
from ocinb.catalog.exporting import export_tables
from ocinb.catalog.importing import fill, read_export
from ocinb.errors import InvalidError
from ocinb.sources.paths import local_path


class Copied:
    """How a catalogue leaves as files, and comes back."""

    _connections: Connections

    def __init__(self, path: str | Path = MEMORY) -> None:
        self._connections = Connections(path)

    def export(self, directory: str | Path) -> None:
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
        place = _path(directory)
        self._connections.ask(lambda connection: export_tables(connection, place), what=f"{place} cannot be written")

    @classmethod
    def from_parquet(cls, directory: str | Path, path: str | Path = MEMORY) -> Self:
        """Make a catalogue out of what `export` wrote.

        Parameters
        ----------
        directory
            Where the files stand. They are data and nothing more: what they are is checked, and nothing in them runs.
        path
            The file of the new catalogue, where nothing may stand yet; ``":memory:"`` keeps it in memory.

        Raises
        ------
        NotFoundError
            If there is no such directory.
        InvalidError
            If it is no export of this version, or something stands at the path, or there is no directory for it.
        IntegrityError
            If a document in it does not match its digest.
        TransportError
            If the file cannot be written, or what is read takes too much memory: 2 GB, in memory what DuckDB has.

        Examples
        --------
        >>> import ocinb, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ocinb.Catalog().export(f"{folder}/tables")
        ...     kept = ocinb.Catalog.from_parquet(f"{folder}/tables", f"{folder}/copy.duckdb")
        ...     len(kept.sql("FROM images"))
        0
        """
        place = _path(directory)
        if path != MEMORY:
            read_export(place, _path(path))
            return cls(path)
        made = cls(MEMORY)
        try:
            fill(made._connections, place)
        except BaseException:
            made._connections.close()
            raise
        return made


def _path(given: str | Path) -> Path:
    if not isinstance(given, str | Path) or not str(given):
        raise InvalidError(f"{given!r} is no path")
    return local_path(str(given))
