"""Questions in SQL: the types of the answers, parameters, the caller's own frames, and refusals."""

from __future__ import annotations

import traceback
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb.errors import InvalidError


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("SELEC 1", None),
        ("SELECT nothing FROM nowhere", None),
        ("SELECT ?", None),
        ("SELECT ?", [1, 2]),
        ("SELECT $a", {"b": 1}),
        ("SELECT ?", [object()]),
        ("SELECT ?", "abc"),
        ("SELECT ?", 5),
        ("SELECT 'x'::INTEGER", None),
        ("SELECT 9223372036854775807 + 1", None),
        ("SELECT '\ud800'", None),
        ("SELECT error('of the query')", None),
        (5, None),
    ],
)
def test_a_refused_query_is_an_error_of_ocinb(query: str, params: Any) -> None:
    with ocinb.Catalog() as catalog:
        with pytest.raises(InvalidError) as caught:
            catalog.sql(query, params)
        assert catalog.sql("SELECT 1 AS x")["x"].tolist() == [1], "and the catalogue goes on"
    assert caught.value.__cause__ is None
    assert not isinstance(caught.value, duckdb.Error)
    assert "\n" not in str(caught.value)
    assert "duckdb.duckdb" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("FROM imges", 'Did you mean "images"?'),
        ("FROM fnd('*')", 'Did you mean "find"?'),
        ("SELECT referense FROM images", '"reference"'),
        ("SELECT i.referense FROM images AS i", "Did you mean 'reference'?"),
        ("SELECT images.referense FROM images", "Did you mean 'reference'?"),
        ("FROM images JOIN layers USING (layerdigest)", "Did you mean 'layer_digest'?"),
        ("BEGIN; SELECT i.referense FROM images AS i", "Did you mean 'reference'?"),
        ("SELECT x.layers FROM images", 'Candidate tables: "images"'),
        ("FROM find()", "find(pattern)"),
    ],
)
def test_a_typo_is_told_in_one_line_with_what_may_have_been_meant(query: str, told: str) -> None:
    with ocinb.Catalog() as catalog, pytest.raises(InvalidError) as caught:
        catalog.sql(query)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("statement", ["CREATE TABLE mine (a INTEGER)", "", "-- nothing"])
def test_a_statement_without_a_result_gives_an_empty_frame(statement: str) -> None:
    with ocinb.Catalog() as catalog:
        frame = catalog.sql(statement)
    assert (len(frame), list(frame)) == (0, []) or list(frame) == ["Count"]
