"""Describing: what there is to ask in a catalogue, and what each column says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from ocinb._text import nearest
from ocinb.catalog import schemas
from ocinb.catalog.connection import Connections
from ocinb.catalog.meanings import meaning_of, unit_of
from ocinb.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    import pandas as pd

# What has a comment is there to be asked; what has none is a helper of ours, or a table of somebody's own.
_LISTED = """
    SELECT table_name, 'table', comment FROM duckdb_tables() WHERE comment IS NOT NULL
    UNION ALL
    SELECT view_name, 'view', comment FROM duckdb_views() WHERE comment IS NOT NULL
    UNION ALL
    SELECT DISTINCT function_name, 'macro', comment FROM duckdb_functions()
    WHERE function_type = 'table_macro' AND comment IS NOT NULL
    ORDER BY ALL
"""
_COLUMNS = """
    SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
    WHERE NOT internal AND table_name <> 'ocinb_version'
    ORDER BY table_name, column_index
"""


class Described:
    """What a catalogue says of itself."""

    _connections: Connections

    def tables(self) -> pd.DataFrame:
        """Say what there is to ask.

        Returns
        -------
        DataFrame
            One row per table, view and table macro: name, kind, rows, description.

        Raises
        ------
        TransportError
            If the file cannot be read, or another process holds it for longer than a few seconds.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.Catalog() as catalog:
        ...     tables = catalog.tables()
        >>> tables.loc[tables["name"] == "images", "kind"].tolist()
        ['view']
        """
        return self._connections.ask(_tables, what="the tables cannot be counted")

    def columns(self, table: str | None = None) -> pd.DataFrame:
        """Say what the columns of the tables and views are called, and what they say.

        Parameters
        ----------
        table
            The name of one table or view; None for all of them.

        Returns
        -------
        DataFrame
            One row per column, in its order: table, column, type (DuckDB's), unit, description.

        Raises
        ------
        NotFoundError
            If there is no such table or view; the hint says which one may have been meant.
        TransportError
            If the file cannot be read, or another process holds it for longer than a few seconds.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.Catalog() as catalog:
        ...     columns = catalog.columns("layers")
        >>> columns.loc[columns["column"] == "tar_bytes", ["type", "unit"]].values.tolist()
        [['BIGINT', 'bytes']]
        """
        if table is not None and not isinstance(table, str):
            raise InvalidError(f"table takes the name of a table or a view, not {table!r}")
        return self._connections.ask(lambda connection: _columns(connection, table), what="the columns cannot be read")


def _tables(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    listed = connection.execute(_LISTED).fetchall()
    counts = {name: connection.table(name).count("*").fetchall()[0][0] for name, kind, _ in listed if kind != "macro"}
    return schemas.TABLES.frame(
        {"name": name, "kind": kind, "rows": counts.get(name), "description": description}
        for name, kind, description in listed
    )


def _columns(connection: duckdb.DuckDBPyConnection, table: str | None) -> pd.DataFrame:
    rows = connection.execute(_COLUMNS).fetchall()
    names = list(dict.fromkeys(name for name, *_ in rows))
    if table is not None and table not in names:
        near = nearest(table, names)
        hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(names)}"
        raise NotFoundError(f"there is no table or view {table!r} in this catalogue", hint=hint)
    return schemas.COLUMNS.frame(
        {
            "table": name,
            "column": column,
            "type": kind,
            "unit": unit_of(name, column),
            "description": meaning_of(name, column) or comment,
        }
        for name, column, kind, comment in rows
        if table in (None, name)
    )
