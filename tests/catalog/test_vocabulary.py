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


def test_what_stands_elsewhere_is_no_name_of_the_catalogue(tmp_path: Path) -> None:
    ocinb.Catalog(tmp_path / "other.duckdb")
    with ocinb.Catalog() as catalog:
        before = read_vocabulary(catalog)
        catalog.sql("CREATE SCHEMA aside; CREATE TABLE aside.theirs (layer_digest VARCHAR)")
        catalog.sql(f"ATTACH '{tmp_path / 'other.duckdb'}' AS other")
        assert read_vocabulary(catalog) == before


def test_words_of_sql_itself_are_told() -> None:
    with ocinb.Catalog() as catalog:
        reserved = read_vocabulary(catalog).reserved
    assert {"select", "order", "left"} <= reserved
    assert not {"user", "position", "type"} & reserved, "these are columns as they stand"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT $a, $b, $a", ["a", "b"]),
        ("SELECT '$a', \"$b\" -- $c\n, $d", ["d"]),
        ("SELECT 1; SELECT $a", ["a"]),
        ("SELECT ?, ?", ["1", "2"]),
        ("SELECT $größe", ["größe"]),
        ("SELECT $$a$$", []),
        ("", []),
        ("-- nothing", []),
    ],
)
def test_parameters_are_found_by_the_parser(query: str, names: list[str]) -> None:
    assert named_parameters(query) == names


def test_what_is_no_sql_is_refused_as_a_question_is() -> None:
    with pytest.raises(InvalidError, match='DuckDB refuses the query: Parser Error: syntax error at or near "SELEC"'):
        named_parameters("SELEC 1")
