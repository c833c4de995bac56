"""Vocabulary: the words that a question to a catalogue can be made of, for those who help to write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from ocinb.catalog.catalog import Catalog
from ocinb.catalog.column_docs import HELPERS
from ocinb.catalog.connection import script, translated
from ocinb.catalog.open_file import MEMORY
from ocinb.errors import InvalidError, NotFoundError


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names in a catalogue.

    Attributes
    ----------
    tables
        The columns of each table and view, in their order.
    functions
        The columns of each function that is asked like a table, with arguments.
    reserved
        Words of SQL itself, which are names in quotes only.
    """

    tables: Mapping[str, tuple[str, ...]]
    functions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reserved: frozenset[str] = frozenset()


def read_vocabulary(catalog: Catalog) -> Vocabulary:
    """Ask a catalogue for its names, those too that people gave it, without what only ocinb itself looks at."""
    named = catalog.sql(script("queries/vocabulary.sql"))
    listed = zip(named["name"], named["kind"], named["columns"], strict=True)
    rows = [(name, kind, columns) for name, kind, columns in listed if name not in HELPERS]
    return Vocabulary(
        tables={name: tuple(columns) for name, kind, columns in rows if kind == "table"},
        functions={name: _columns_of(catalog, name) for name, kind, _ in rows if kind == "function"},
        reserved=frozenset(name for name, kind, _ in rows if kind == "reserved"),
    )


def _columns_of(catalog: Catalog, function: str) -> tuple[str, ...]:
    """Give the columns of a function; none of one that somebody made and that DuckDB cannot say them of any more."""
    try:
        return tuple(catalog.columns(function)["column"])
    except (InvalidError, NotFoundError):
        return ()


def named_parameters(query: str) -> list[str]:
    """Give the names of the parameters of a question, of the last one if there are several: DuckDB takes no others.

    Examples
    --------
    >>> named_parameters("FROM images WHERE layers > $least AND reference <> '$nothing'")
    ['least']
    """
    with translated("DuckDB refuses the query"), duckdb.connect(MEMORY) as connection:
        statements = connection.extract_statements(query)
        return sorted(statements[-1].named_parameters) if statements else []
