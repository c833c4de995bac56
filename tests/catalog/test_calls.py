"""Each call has a connection of its own, and finds the caller's frames among whatever else stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ocinb
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
