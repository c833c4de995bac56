"""What a catalog says of itself: its tables, views and macros, and the comments on their columns."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from ocinb._arguments import suggesting
from ocinb._suggestions import nearest
from ocinb._text import card, counted, human_size
from ocinb.catalog import schemas
from ocinb.catalog.connection import SCRIPTS, Connections, script
from ocinb.errors import InvalidError, NotFoundError, OcinbError

if TYPE_CHECKING:
    import pandas as pd


# What the views and functions are made of, which nobody else needs to know.
_OWN_MACROS = frozenset({"find"})
HELPERS = frozenset({"current_images", "current_names", "ocinb_version", "stored_files"})

# A macro has no comments on its columns. These views have the columns that a macro returns.
_COMMENTED_LIKE = ("layer_files", "images")
_COMMENTED = re.compile(r'^COMMENT ON COLUMN \w+\."?(\w+)', re.MULTILINE)


@cache
def column_names() -> frozenset[str]:
    """Return the names of all columns of the tables and views, without a catalog."""
    return frozenset(name for one in SCRIPTS for name in _COMMENTED.findall(script(one)))


# What has a comment is there to be asked; what has none is a helper of ours, or a table of somebody's own.
_LISTED = """
    SELECT table_name, 'table', comment FROM duckdb_tables()
    WHERE comment IS NOT NULL AND (database_name, schema_name) = (current_database(), 'main')
    UNION ALL
    SELECT view_name, 'view', comment FROM duckdb_views()
    WHERE comment IS NOT NULL AND (database_name, schema_name) = (current_database(), 'main')
    UNION ALL
    SELECT DISTINCT function_name, 'macro', comment FROM duckdb_functions()
    WHERE function_type = 'table_macro' AND comment IS NOT NULL
    AND (database_name, schema_name) = (current_database(), 'main')
    ORDER BY ALL
"""
_COLUMNS = """
    SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
    WHERE NOT internal AND (database_name, schema_name) = (current_database(), 'main')
    ORDER BY table_name, column_index
"""
_MACROS = """
    SELECT function_name, any_value(len(parameters)) FROM duckdb_functions()
    WHERE function_type = 'table_macro' AND NOT internal AND (database_name, schema_name) = (current_database(), 'main')
    GROUP BY function_name
"""
# How to go on, with an empty one and with one that has something.
_NEXT = {
    False: [("next", "catalog.add('python:3.12')", "puts an image into it")],
    True: [
        ("next", "catalog.tables()", "says what there is to ask"),
        ("", "catalog.columns('images')", "says what the columns of one are"),
        ("", "catalog.sql('FROM images')", "asks"),
    ],
}


class Described:
    """What a catalogue says of itself."""

    _connections: Connections

    @suggesting
    def tables(self) -> pd.DataFrame:
        """Say what there is to ask.

        Returns
        -------
        DataFrame
            One row per table, view and table macro: name, kind, rows, description. Of a table ``rows`` is how many it
            has. It is NA for a view and a macro: they are worked out when they are asked, and to count some takes long.

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

    @suggesting
    def columns(self, table: str | None = None) -> pd.DataFrame:
        """Say what the columns of the tables, views and table macros are called, and what they say.

        Parameters
        ----------
        table
            The name of one table, view or table macro, such as ``"find"``; None for all of them.

        Returns
        -------
        DataFrame
            One row per column, in its order: table, column, type (DuckDB's), unit, description.

        Raises
        ------
        NotFoundError
            If there is no such table, view or macro; the hint says which one may have been meant.
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

    def _shown(self, name: str) -> str:
        """Show it as HTML: where it is kept, what is in it, and how to go on."""
        path = self._connections.path
        try:
            tables = self.tables()
            size = human_size(path.stat().st_size) if isinstance(path, Path) else "in memory"
        except (OcinbError, OSError) as error:  # another process may hold it, or it may be gone
            return card(name, str(error), [])
        filled = tables[(tables["kind"] == "table") & (tables["rows"].fillna(0) > 0)]
        rows = [
            (str(row["name"]), counted(row["rows"], "row"), str(row["description"]))
            for row in filled.to_dict("records")
        ]
        return card(name, size if rows else f"{size}, empty", [*rows, *_NEXT[bool(rows)]])


def _tables(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    listed = [row for row in connection.execute(_LISTED).fetchall() if row[0] not in HELPERS]
    counts = {name: connection.table(name).count("*").fetchall()[0][0] for name, kind, _ in listed if kind == "table"}
    return schemas.TABLES.frame(
        {"name": name, "kind": kind, "rows": counts.get(name), "description": description}
        for name, kind, description in listed
    )


def _columns(connection: duckdb.DuckDBPyConnection, table: str | None) -> pd.DataFrame:
    macros = dict(connection.execute(_MACROS).fetchall())
    rows: list[tuple[str, str, str, str | None]] = connection.execute(_COLUMNS).fetchall()
    comments = {column: text for view in _COMMENTED_LIKE for name, column, _, text in rows if name == view}
    for name in _OWN_MACROS & macros.keys() if table is None else macros.keys() & {table}:
        columns = _columns_of_macro(connection, name, macros[name])
        rows += [(*one, comments.get(one[1]) if name in _OWN_MACROS else None) for one in columns]
    wanted = [row for row in rows if row[0] == table or (table is None and row[0] not in HELPERS)]
    if table is not None and not wanted:
        raise _no_table(table, {name for name, *_ in rows} | macros.keys())
    return schemas.COLUMNS.frame(
        {
            "table": name,
            "column": column,
            "type": kind,
            "unit": "bytes" if comment and column.endswith("_bytes") else None,
            "description": comment,
        }
        for name, column, kind, comment in sorted(wanted, key=itemgetter(0))
    )


def _columns_of_macro(connection: duckdb.DuckDBPyConnection, name: str, parameters: int) -> list[tuple[str, str, str]]:
    """Give what a macro returns; DuckDB says it of one that is called, which is not run for that."""
    called = connection.table_function(name, [None] * parameters)
    return [(name, column, str(kind)) for column, kind in zip(called.columns, called.types, strict=True)]


def _no_table(table: str, known: AbstractSet[str]) -> NotFoundError:
    names = sorted(known - HELPERS)
    near = nearest(table, names)
    hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(names)}"
    return NotFoundError(f"there is no table, view or macro {table!r} in this catalogue", hint=hint)
