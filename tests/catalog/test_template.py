"""A catalogue that the tests copy from their template is the one that our SQL makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

import ocinb
from tests.catalog import template

# What DuckDB says of a database, without its numbers for all of it.
TOLD = {
    "tables": "SELECT * EXCLUDE (database_oid, schema_oid, table_oid, database_name) FROM duckdb_tables() ORDER BY ALL",
    "views": """
        SELECT * EXCLUDE (database_oid, schema_oid, view_oid, database_name)
        FROM duckdb_views() WHERE NOT internal ORDER BY ALL
    """,
    "columns": """
        SELECT * EXCLUDE (database_oid, schema_oid, table_oid, database_name)
        FROM duckdb_columns() WHERE NOT internal ORDER BY ALL
    """,
    "functions": """
        SELECT * EXCLUDE (database_oid, function_oid, database_name)
        FROM duckdb_functions() WHERE NOT internal ORDER BY function_name
    """,
    "constraints": "SELECT table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL",
    "indexes": "SELECT table_name, sql FROM duckdb_indexes() ORDER BY ALL",
    "version": "FROM ocinb_version",
}


def all_of(opened: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    return {kind: opened.execute(query).fetchall() for kind, query in TOLD.items()}


@pytest.mark.parametrize("name", [":memory:", 'it\'s "odd".duckdb'])
def test_a_copy_has_all_that_our_sql_makes(tmp_path: Path, name: str) -> None:
    with duckdb.connect() as opened:
        template.make(opened)
        expected = all_of(opened)
    assert min(len(expected[kind]) for kind in ("tables", "views", "columns", "functions")) > 5
    catalog = ocinb.Catalog(name if name == ":memory:" else tmp_path / name)
    with catalog._connections.connect() as opened:
        assert all_of(opened) == expected
        assert opened.execute("SELECT count(*) FROM duckdb_databases() WHERE NOT internal").fetchall() == [(1,)]
