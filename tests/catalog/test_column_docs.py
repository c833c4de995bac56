"""Each column of each table and view says what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry


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
