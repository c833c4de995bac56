"""The words that a question can be made of."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocinb
from ocinb.catalog.column_docs import HELPERS
from ocinb.catalog.completion_schema import named_parameters, read_vocabulary
from ocinb.errors import InvalidError


@pytest.mark.parametrize("place", [":memory:", "registry.duckdb"])
def test_all_tables_and_views_are_there_with_their_columns_in_order(place: str, tmp_path: Path) -> None:
    with ocinb.Catalog(place if place == ":memory:" else tmp_path / place) as catalog:
        catalog.sql("CREATE TABLE mine AS SELECT 1 AS z, 2 AS a")
        known = read_vocabulary(catalog)
        told = set(catalog.tables()["name"])
        columns = {name: list(catalog.sql(f"FROM {name} LIMIT 0")) for name in ("images", "layers", "layer_sharing")}
    assert told <= {*known.tables, *known.functions}
    assert "ocinb_version" not in known.tables
    assert known.tables["mine"] == ("z", "a")
    assert {name: list(known.tables[name]) for name in columns} == columns
    assert "find" in known.functions
    assert "normal_platform" not in known.functions, "no table"
    assert not HELPERS & {*known.tables, *known.functions}


def test_words_of_sql_itself_are_told() -> None:
    with ocinb.Catalog() as catalog:
        reserved = read_vocabulary(catalog).reserved
    assert {"select", "order", "left"} <= reserved
    assert not {"user", "position", "type"} & reserved, "these are columns as they stand"


def test_what_is_no_sql_is_refused_as_a_question_is() -> None:
    with pytest.raises(InvalidError, match='DuckDB refuses the query: Parser Error: syntax error at or near "SELEC"'):
        named_parameters("SELEC 1")
