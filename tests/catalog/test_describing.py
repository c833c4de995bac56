"""Each column of each table and view says what it says."""

from __future__ import annotations

from typing import Any

import pytest

import ocinb
from ocinb.catalog import meanings, schemas
from ocinb.errors import InvalidError, NotFoundError
from tests.catalog.test_tables import TABLES, VIEWS
from tests.frames.facts import records


def test_every_column_has_a_description() -> None:
    with ocinb.Catalog() as catalog:
        described = catalog.columns()
        there = catalog.sql(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_name <> 'ocinb_version' ORDER BY table_name, ordinal_position"
        )
    assert described[["table", "column", "type"]].values.tolist() == there.values.tolist()
    lacking = described[described["description"].isna() | (described["description"].str.len() < 5)]
    assert lacking[["table", "column"]].values.tolist() == []
    assert {*TABLES, *VIEWS} <= set(described["table"])
    assert {column: str(dtype) for column, dtype in described.dtypes.items()} == dict.fromkeys(described.columns, "str")


def test_no_meaning_is_left_of_what_is_gone() -> None:
    with ocinb.Catalog() as catalog:
        described = catalog.columns()
    there = set(zip(described["table"], described["column"], strict=True))
    own = {(table, column) for table, columns in meanings._HERE.items() for column in columns}
    assert own - there == set()
    assert set(meanings._EVERYWHERE) - {column for _, column in there - own} == set()


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
    [("layer", "Did you mean 'layers'?"), ("tag_hist", "Did you mean 'tag_history'?"), ("xyzzy", "There are: base_")],
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
