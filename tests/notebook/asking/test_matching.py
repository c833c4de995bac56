"""What a real shell offers at Tab in questions for `%%ocisql`, and what it leaves to others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.catalog import open_file
from ocinb.notebook.sql_magic import completion
from tests.catalog.test_calls import Framed, lazy_class
from tests.catalog.test_open_file import HOLDER, process
from tests.notebook.shells import completed, run


def test_names_are_completed_in_a_cell(shell: Any, catalog: ocinb.Catalog) -> None:
    shell.user_ns.update(catalog=catalog, wanted=pd.DataFrame({"port": [1]}), least=3)
    assert completed(shell, "%%ocisql\nFROM layer_sh▮") == ["layer_sharing"]
    assert completed(shell, "%%ocisql frame << catalog\nSELECT s.saved▮\nFROM layer_sharing AS s") == ["saved_bytes"]
    assert completed(shell, "%%ocisql\nFROM wan▮") == ["wanted"]
    assert completed(shell, "%%ocisql\nFROM wanted\nSELECT po▮") == ["port"]
    assert completed(shell, "%%ocisql\nFROM wanted\nWHERE port > $le▮") == ["least"]
    assert "ocinb_version" not in completed(shell, "%%ocisql\nFROM oc▮")
    assert not {"current_names", "current_images"} & set(completed(shell, "%%ocisql\nFROM current▮"))
    assert "stored_files(" not in completed(shell, "%%ocisql\nFROM sto▮")
    assert completed(shell, "frame = %ocisql FROM layer_sh▮") == ["layer_sharing"]
    assert completed(shell, "%ocisql frame << FROM layer_sh▮") == ["layer_sharing"]
    assert completed(shell, "\n\n%%ocisql class <<\nFROM layer_sh▮") == ["layer_sharing"]
    assert not {"In", "Out"} & set(completed(shell, "%%ocisql\nSELECT $▮"))


def test_own_tables_are_completed_too(shell: Any, catalog: ocinb.Catalog) -> None:
    shell.user_ns["catalog"] = catalog
    run(shell, "%%ocisql\nCREATE TABLE mine AS SELECT 3 AS number_of_mine")
    assert completed(shell, "%%ocisql\nFROM min▮") == ["mine"]
    assert completed(shell, "%%ocisql\nFROM mine SELECT number▮") == ["number_of_mine"]


def test_catalogues_and_paths_are_completed_in_the_first_line(
    shell: Any, catalog: ocinb.Catalog, tmp_path: Path
) -> None:
    shell.user_ns["catalog"] = catalog
    for typed in ("%%ocisql cat▮", "%%ocisql cat▮\nFROM images", "%%ocisql frame << cat▮"):
        assert completed(shell, typed) == ["catalog"], "and not %cat"
    (tmp_path / "catalogue.duckdb").touch()
    assert completed(shell, "%%ocisql cat▮") == ["catalog", "catalogue.duckdb"]
    assert completed(shell, "%%ocisql catalogue▮") == ["catalogue.duckdb"]


def test_columns_of_functions_are_completed(shell: Any, catalog: ocinb.Catalog) -> None:
    shell.user_ns["catalog"] = catalog
    catalog.sql("CREATE MACRO of_mine(number) AS TABLE SELECT number AS twice, number AS thrice")
    catalog.sql("CREATE TABLE short_lived (a INTEGER)")
    catalog.sql("CREATE MACRO broken() AS TABLE FROM short_lived")
    catalog.sql("DROP TABLE short_lived")
    assert completed(shell, "%%ocisql\nSELECT size▮ FROM find('*log4j*')") == ["size_bytes"]
    assert completed(shell, "%%ocisql\nFROM of_mine(1) SELECT t▮") == ["twice", "thrice"]
    assert completed(shell, "%%ocisql\nFROM bro▮") == ["broken("]
    assert completed(shell, "%%ocisql\nFROM main.layer_sh▮") == ["layer_sharing"]


def test_who_completes_does_not_wait_for_a_file(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = ocinb.Catalog("held.duckdb")
    catalog.sql("CREATE TABLE mine (number_of_mine INTEGER)")
    shell.user_ns["held"] = catalog
    assert completed(shell, "%%ocisql held\nFROM min▮") == ["mine"]
    assert completed(shell, "%%ocisql held.duckdb\nFROM min▮") == ["mine"]
    monkeypatch.setattr(completion, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(open_file, "pause", lambda _: pytest.fail("it waits"))
    with process(tmp_path, HOLDER, "held.duckdb") as holder:
        assert holder.line() == "held"
        assert completed(shell, "%%ocisql held\nFROM min▮") == ["mine"]
        assert completed(shell, "%%ocisql held.duckdb\nFROM mine SELECT num▮") == ["number_of_mine"]
        assert completed(shell, "%%ocisql ./held.duckdb\nFROM min▮") == [], "nobody asked it by that name"
        catalog.path.unlink()  # type: ignore[union-attr]
        assert completed(shell, "%%ocisql held\nFROM min▮") == []


def test_what_stands_in_other_variables_is_not_looked_into(shell: Any, catalog: ocinb.Catalog) -> None:
    shell.user_ns.update(catalog=catalog, lazy=lazy_class()(), framed=Framed(), wanted=pd.DataFrame({"port": [1]}))
    assert completed(shell, "%%ocisql\nFROM wan▮") == ["wanted"]
    assert completed(shell, "%%ocisql\nFROM fram▮") == ["framed"]
    assert len(run(shell, "%%ocisql\nFROM wanted")) == 1


def test_without_a_catalogue_dataframes_are_completed(shell: Any) -> None:
    shell.user_ns["wanted"] = pd.DataFrame({"port": [1]})
    assert completed(shell, "%%ocisql\nFROM wan▮") == ["wanted"]


def test_python_is_completed_as_ever(shell: Any, catalog: ocinb.Catalog) -> None:
    shell.user_ns["catalog"] = catalog
    assert "layer_sharing" not in completed(shell, "%%ocisqlite\nFROM layer_sh▮")
    before = completed(shell, "catalog.sq▮")
    shell.run_line_magic("unload_ext", "ocinb")
    assert completed(shell, "catalog.sq▮") == before
    assert "sql" in before or ".sql" in before
