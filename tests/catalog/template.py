"""An empty catalogue, made once and copied from then on: DuckDB binds views when they are made, which takes 90 ms.

Thousands of tests make one, and a copy takes 15 ms. `test_template` shows that it is the same.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

import duckdb

from ocinb.catalog import connection

make = connection._fill  # as it was before the tests took its place


def copy(opened: duckdb.DuckDBPyConnection) -> None:
    """Put into a database in which nothing is what `make` makes."""
    with tempfile.NamedTemporaryFile(suffix=".duckdb") as file:
        file.write(_template())
        file.flush()
        copy_file(opened, file.name)


def copy_file(opened: duckdb.DuckDBPyConnection, path: str) -> None:
    """Put into a database in which nothing is all that a catalogue in a file has."""
    [own] = opened.execute("SELECT current_database()").fetchall()
    name = own[0].replace('"', '""')
    opened.execute(f"ATTACH '{path}' AS template_of_tests (READ_ONLY)")
    try:
        opened.execute(f'COPY FROM DATABASE template_of_tests TO "{name}"')
    finally:
        opened.execute("DETACH template_of_tests")


@cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.duckdb"
        with closing(duckdb.connect(str(path))) as opened:
            make(opened)
            opened.execute("CHECKPOINT")
        return path.read_bytes()
