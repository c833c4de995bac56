"""Each call has a connection of its own, and finds the caller's frames among whatever else stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.catalog.catalog import is_frame
from ocinb.errors import InvalidError


@pytest.fixture(params=[":memory:", "kept.duckdb"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> ocinb.Catalog:
    made = ocinb.Catalog(request.param if request.param == ":memory:" else tmp_path / request.param)
    made.sql("CREATE TABLE mine (a INTEGER)")
    return made


@pytest.mark.parametrize(
    "query", ["BEGIN; INSERT INTO mine VALUES (1)", "BEGIN; SELECT 1", "SELECT 1; BEGIN", "BEGIN; COMMIT; BEGIN"]
)
def test_a_transaction_that_is_left_open_is_refused(catalog: ocinb.Catalog, query: str) -> None:
    with pytest.raises(InvalidError) as caught:
        catalog.sql(query)
    told = "a transaction was left open, so nothing of it is kept. Begin and end it in one call: BEGIN; …; COMMIT"
    assert str(caught.value) == told
    assert catalog.sql("FROM mine")["a"].tolist() == []


@pytest.mark.parametrize(("end", "left"), [("COMMIT", [1]), ("ROLLBACK", []), ("COMMIT; FROM mine", [1])])
def test_a_transaction_in_one_call_is_one(catalog: ocinb.Catalog, end: str, left: list[int]) -> None:
    catalog.sql(f"BEGIN; INSERT INTO mine VALUES (1); {end}")
    assert catalog.sql("FROM mine")["a"].tolist() == left


def test_what_is_temporary_goes_with_the_call(catalog: ocinb.Catalog) -> None:
    assert catalog.sql("CREATE TEMP TABLE aside AS SELECT 42 AS x; FROM aside")["x"].tolist() == [42]
    with pytest.raises(InvalidError, match="aside"):
        catalog.sql("FROM aside")


def test_what_is_set_goes_with_the_call_to_a_file(tmp_path: Path) -> None:
    catalog = ocinb.Catalog(tmp_path / "kept.duckdb")
    assert catalog.sql("SET threads = 1; SELECT current_setting('threads') AS n")["n"].tolist() == [1]
    catalog.sql("SET default_order = 'desc'")
    assert catalog.sql("SELECT lower(current_setting('default_order')) AS said")["said"].tolist() != ["desc"]


class Meta(type):
    """The metaclass of classes that can neither be looked at nor compared."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(cls, _: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


def lazy_class() -> type:
    """Make such a class, which not even pytest may find in this module."""
    return Meta("Lazy", (), {})


class Framed:
    """What has columns, and refuses to be asked for them before it is used."""

    @property
    def columns(self) -> list[str]:
        raise RuntimeError


def test_what_stands_beside_a_frame_is_not_looked_into(catalog: ocinb.Catalog) -> None:
    lazy, framed, frame = lazy_class()(), Framed(), pd.DataFrame({"x": [42]})
    assert catalog.sql("SELECT x FROM frame")["x"].tolist() == [42]
    assert len([lazy, framed, frame]) == 3


def test_a_frame_is_what_has_columns_that_are_no_method() -> None:
    assert [is_frame(kind) for kind in (pd.DataFrame, Framed, ocinb.Catalog, lazy_class(), int)] == [
        True,
        True,
        False,
        False,
        False,
    ]
