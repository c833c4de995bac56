"""Which names are offered where somebody is typing in a question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.catalog import open_file
from ocinb.catalog.completion_schema import Vocabulary
from ocinb.notebook.sql_magic import completion
from ocinb.notebook.sql_magic.completion import complete
from tests.catalog.test_calls import Framed, lazy_class
from tests.catalog.test_open_file import HOLDER, process
from tests.notebook.shells import completed, run

KNOWN = Vocabulary(
    tables={
        "images": ("manifest_digest", "reference", "layers"),
        "layers": ("layer_digest", "compressed_bytes"),
        "layer_sharing": ("layer_digest", "saved_bytes"),
        "Mine": ("reference", "two words", "order"),
        "my table": ("first", 'a "b'),
    },
    functions={"find": ("reference", "path")},
    reserved=frozenset({"order", "left", "select", "where"}),
)
VARIABLES = ["least", "names", "least_of_all"]


def offered(typed: str) -> list[str] | None:
    """Give what is offered where the ▮ stands."""
    before, _, after = typed.partition("▮")
    completed = complete(before, after, KNOWN, VARIABLES)
    return None if completed is None else [word for word, _ in completed.words]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("SELECT i.▮ FROM images AS i JOIN layers AS l", ["manifest_digest", "reference", "layers"]),
        ("SELECT l.▮ FROM images i JOIN layers l", ["layer_digest", "compressed_bytes"]),
        ("SELECT images.re▮ FROM images", ["reference"]),
        ("SELECT IMAGES.re▮ FROM images", ["reference"]),
        ('SELECT "images".re▮ FROM images', ["reference"]),
        ("SELECT nothing.▮ FROM images", []),
        ("SELECT f.▮ FROM find('*.jar') AS f", ["reference", "path"]),
        ("SELECT main.images.re▮ FROM images", ["reference"]),
        ('SELECT "my table".f▮ FROM "my table"', ["first"]),
        ("FROM images SELECT Mine.two▮", ['"two words"']),
    ],
)
def test_columns_of_the_table_before_the_dot(typed: str, expected: list[str]) -> None:
    assert offered(typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("la▮", ["layers", "layer_sharing", "layers", "layer_digest"]),
        ("SELECT saved▮", ["saved_bytes"]),
        ("SELECT saved▮ FROM unknown", ["saved_bytes"]),
    ],
)
def test_all_there_is_before_a_table_is_named(typed: str, expected: list[str]) -> None:
    assert offered(typed) == expected


@pytest.mark.parametrize(
    "typed",
    [
        "FROM images WHERE reference = 'la▮",
        "FROM images WHERE reference = 'it''s la▮",
        "FROM images -- la▮",
        "FROM images /* la▮",
        "FROM images /* la▮ */",
        "FROM '▮",
        "SELECT $$it's la▮",
        "SELECT $$it's la▮ $$",
        "SELECT $a$ $$ la▮",
        r"SELECT E'it\'s la▮",
    ],
)
def test_nothing_in_texts_and_comments(typed: str) -> None:
    assert offered(typed) is None


@pytest.mark.parametrize("typed", ["FROM images -- all\nWHERE la▮", "FROM images /* all */ WHERE la▮"])
def test_what_comes_behind_a_comment_is_no_comment(typed: str) -> None:
    assert offered(typed) == ["layers"]


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
