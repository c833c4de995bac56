"""What is opened is a file of DuckDB, once in a process by whatever name, and writers wait longer than who asks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import ocinb
from ocinb.catalog import open_file
from ocinb.catalog.open_file import impatient
from ocinb.errors import InvalidError, TransportError
from tests.catalog.test_files import HOLDER, of_version, process
from tests.catalog.test_versions import hashes, kill_after


def of_sqlite(path: Path) -> None:
    made = sqlite3.connect(path)
    made.execute("CREATE TABLE mine (a)")
    made.commit()
    made.close()


def of_parquet(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("COPY (SELECT 1 AS a) TO ? (FORMAT parquet)", [str(path)])


@pytest.mark.parametrize("make", [of_sqlite, of_parquet, lambda path: path.write_text("a,b\n1,2\n")])
@pytest.mark.parametrize("name", ["s.db", "s.duckdb", "s.csv"])
def test_what_is_no_file_of_duckdb_is_not_given_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], name: str
) -> None:
    path = tmp_path / name
    make(path)
    monkeypatch.setattr(open_file.duckdb, "connect", lambda *_, **__: pytest.fail("it is opened"))  # type: ignore[attr-defined]
    with pytest.raises(InvalidError, match=r"is no catalogue: it is no file of DuckDB. Choose another path") as caught:
        ocinb.Catalog(path)
    assert str(path) in str(caught.value)


def test_where_nobody_says_what_is_open_duckdb_looks_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_file, "_OPEN_FILES", tmp_path / "nowhere")
    assert len(ocinb.Catalog(tmp_path / "kept.duckdb").sql("FROM images")) == 0
    (tmp_path / "other").write_text("no database at all")
    with pytest.raises(InvalidError, match="other cannot be opened as a catalogue"):
        ocinb.Catalog(tmp_path / "other")


def linked(tmp_path: Path) -> tuple[Path, Path]:
    path, link = tmp_path / "kept.duckdb", tmp_path / "link"
    ocinb.Catalog(path)
    link.symlink_to(path)
    return path, link


def test_by_a_link_too_what_was_left_beside_a_file_is_seen(tmp_path: Path) -> None:
    path, link = linked(tmp_path)
    kill_after(path, "INSERT INTO failures (reference) VALUES ('unfinished')")
    assert ocinb.Catalog(link).sql("FROM failures")["reference"].tolist() == ["unfinished"]
    kill_after(path, "INSERT INTO failures (reference) VALUES ('lost')")
    path.unlink()
    with pytest.raises(InvalidError, match=r"kept.duckdb.wal belongs to a file that is gone"):
        ocinb.Catalog(link)


def test_by_a_link_too_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path, link = linked(tmp_path)
    of_version("SELECT 1")(path)
    kill_after(path, "INSERT INTO failures (reference) VALUES ('unfinished')")
    before = hashes(tmp_path)
    with pytest.raises(InvalidError, match="of version 1"):
        ocinb.Catalog(link)
    assert hashes(tmp_path) == before


def test_a_writer_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = ocinb.Catalog(tmp_path / "held.duckdb")
    monkeypatch.setattr(open_file, "WRITERS_WAIT_SECONDS", 0.1)
    with process(tmp_path, HOLDER, catalog.path) as holder:
        assert holder.line() == "held"
        with pytest.raises(TransportError, match=f"is in use by process {holder.pid}"):
            catalog.observe([])


def test_whoever_is_in_a_hurry_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = ocinb.Catalog(tmp_path / "held.duckdb")
    monkeypatch.setattr(open_file, "pause", lambda _: pytest.fail("it waits"))
    with process(tmp_path, HOLDER, catalog.path) as holder:
        assert holder.line() == "held"
        for ask in (catalog.tables, lambda: catalog.observe([])):
            with impatient(0.0), pytest.raises(TransportError, match="is in use"):
                ask()
