"""Each column of each table and view says what it says."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb.catalog import column_docs, schemas
from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from tests.catalog.test_tables import TABLES, VIEWS
from tests.frames.facts import records


def test_every_column_has_a_description() -> None:
    with ocinb.Catalog() as catalog:
        described = catalog.columns()
        there = catalog.sql(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "ORDER BY table_name, ordinal_position"
        )
        found = catalog.sql("DESCRIBE FROM find('*')")
    expected = [row for row in there.values.tolist() if row[0] not in column_docs.HELPERS]
    expected += [["find", *row] for row in found[["column_name", "column_type"]].values.tolist()]
    assert described[["table", "column", "type"]].values.tolist() == sorted(expected, key=itemgetter(0))
    lacking = described[described["description"].isna() | (described["description"].str.len() < 5)]
    assert lacking[["table", "column"]].values.tolist() == []
    assert {*TABLES, *VIEWS} <= set(described["table"])
    assert {column: str(dtype) for column, dtype in described.dtypes.items()} == dict.fromkeys(described.columns, "str")


def test_no_meaning_is_left_of_what_is_gone() -> None:
    with ocinb.Catalog() as catalog:
        described = [catalog.columns(table) for table in (None, "current_names", "current_images")]
    there = {pair for frame in described for pair in zip(frame["table"], frame["column"], strict=True)}
    own = {(table, column) for table, columns in column_docs._HERE.items() for column in columns}
    assert own - there == set()
    assert set(column_docs._EVERYWHERE) - {column for _, column in there - own} == set()


def test_bytes_are_a_unit() -> None:
    with ocinb.Catalog() as catalog:
        described = catalog.columns()
    with_unit = described[described["unit"].notna()]
    assert set(with_unit["unit"]) == {"bytes"}
    assert set(with_unit["type"]) == {"BIGINT"}
    assert with_unit["column"].tolist() == [name for name in described["column"] if name.endswith("_bytes")]


@pytest.mark.parametrize("table", ["layers", "images", "tag_history"])
def test_one_table_is_described_in_its_order(table: str) -> None:
    with ocinb.Catalog() as catalog:
        described = catalog.columns(table)
    assert described["column"].tolist() == (TABLES | VIEWS)[table].split()
    assert set(described["table"]) == {table}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("layer", "Did you mean 'layers'?"),
        ("tag_hist", "Did you mean 'tag_history'?"),
        ("fnd", "Did you mean 'find'?"),
        ("current_imges", "There are: base_"),
        ("xyzzy", "There are: base_"),
    ],
)
def test_a_table_that_is_not_there_is_told(wrong: str, told: str) -> None:
    with ocinb.Catalog() as catalog, pytest.raises(NotFoundError) as caught:
        catalog.columns(wrong)
    assert told in str(caught.value)


@pytest.mark.parametrize("wrong", [5, ["layers"], b"layers"])
def test_a_table_is_named_by_a_text(wrong: Any) -> None:
    with ocinb.Catalog() as catalog, pytest.raises(InvalidError, match="table takes the name"):
        catalog.columns(wrong)


def test_tables_of_ones_own_are_described_by_their_comments() -> None:
    with ocinb.Catalog() as catalog:
        catalog.sql("CREATE TABLE mine (tag VARCHAR, said BIGINT, size_bytes BIGINT)")
        catalog.sql("COMMENT ON COLUMN mine.said IS 'what I say'")
        rows = records(catalog.columns("mine"))
        assert "mine" not in catalog.tables()["name"].tolist()
    assert [(row["column"], row["unit"], row["description"]) for row in rows] == [
        ("tag", None, None),
        ("said", None, "what I say"),
        ("size_bytes", None, None),
    ]


def test_a_macro_is_described_by_what_it_returns(registry: SampleRegistry) -> None:
    with ocinb.Catalog() as catalog:
        described = records(catalog.columns("find"))
        catalog.add(registry.reference("demo/hello"), depth="files")
        assert [row["column"] for row in described] == list(catalog.sql("FROM find('*')"))
        catalog.sql("CREATE MACRO mine(a, b := 2) AS TABLE SELECT a::BIGINT AS x, b AS y_bytes")
        assert [(row["column"], row["unit"]) for row in records(catalog.columns("mine"))] == [
            ("x", None),
            ("y_bytes", None),
        ]
    assert {row["column"]: (row["type"], row["unit"]) for row in described} == {
        "reference": ("VARCHAR", None),
        "platform": ("VARCHAR", None),
        "layer": ("BIGINT", None),
        "path": ("VARCHAR", None),
        "size_bytes": ("BIGINT", "bytes"),
        "sha256": ("VARCHAR", None),
        "visible": ("BOOLEAN", None),
    }
    assert all(row["description"] for row in described)


def test_all_macros_that_are_tables_are_public_or_helpers() -> None:
    with ocinb.Catalog() as catalog:
        macros = catalog.sql(
            "SELECT function_name AS name FROM duckdb_functions() WHERE function_type = 'table_macro' AND NOT internal"
        )
        listed = set(catalog.tables()["name"])
    assert set(macros["name"]) - column_docs.HELPERS == set(macros["name"]) & listed


def test_views_are_not_asked_to_list_them() -> None:
    with ocinb.Catalog() as catalog:
        catalog.sql("CREATE VIEW endless AS SELECT count(*) AS n FROM range(1000000000000) AS a, range(1000000) AS b")
        catalog.sql("COMMENT ON VIEW endless IS 'it never ends'")
        tables = records(catalog.tables())
    assert [(row["kind"], row["rows"]) for row in tables if row["name"] == "endless"] == [("view", None)]


def test_what_stands_elsewhere_is_not_listed(tmp_path: Path) -> None:
    ocinb.Catalog(tmp_path / "other.duckdb")
    with ocinb.Catalog() as catalog:
        before = catalog.tables(), catalog.columns()
        catalog.sql("CREATE SCHEMA aside; CREATE TABLE aside.theirs (a INTEGER); COMMENT ON TABLE aside.theirs IS 'x'")
        catalog.sql(f"ATTACH '{tmp_path / 'other.duckdb'}' AS other")
        assert catalog.tables().equals(before[0])
        assert catalog.columns().equals(before[1])


def test_macros_are_listed_without_a_number_of_rows() -> None:
    with ocinb.Catalog() as catalog:
        tables = catalog.tables()
    macros = records(tables[tables["kind"] == "macro"])
    assert [(row["name"], row["rows"]) for row in macros] == [("find", None)]
    assert macros[0]["description"]


def test_frames_of_a_catalogue_say_what_their_columns_mean() -> None:
    declared = [schemas.TABLES, schemas.COLUMNS, schemas.OBSERVED, schemas.FREED, schemas.PULL_COST]
    for schema in declared:
        assert all(column.meaning for column in schema.columns)
        assert [column.name for column in schema.columns if column.name.endswith("_bytes")] == [
            column.name for column in schema.columns if column.unit == "bytes"
        ]


def test_a_notebook_shows_what_is_in_it_and_how_to_go_on(registry: SampleRegistry, tmp_path: Path) -> None:
    with ocinb.Catalog() as catalog:
        assert "in memory, empty" in catalog._repr_html_()
        assert "catalog.add(" in catalog._repr_html_()
    catalog = ocinb.Catalog(tmp_path / "<b>.duckdb")
    catalog.add(registry.reference("demo/hello"))
    html = catalog._repr_html_()
    assert "&lt;b&gt;.duckdb" in html
    assert "manifest_layers" in html
    assert ">1 row<" in html
    assert " kB" in html or " MB" in html
    assert "catalog.tables()" in html
    assert ">failures<" not in html, "it is empty"


def test_a_catalogue_that_is_gone_says_so_in_a_notebook(tmp_path: Path) -> None:
    path = tmp_path / "images.duckdb"
    catalog = ocinb.Catalog(path)
    path.unlink()
    assert "images.duckdb" in catalog._repr_html_()
    assert repr(catalog) == f"Catalog({str(path)!r})"
