"""What is opened is a file of DuckDB, once in a process by whatever name, and writers wait longer than who asks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import ocinb
from ocinb.catalog import open_file
from ocinb.catalog.open_file import impatient
from ocinb.errors import InvalidError, TransportError
from ocinb.samples import SampleRegistry
from tests.catalog.test_files import HOLDER, of_version, process
from tests.catalog.test_versions import hashes, kill_after
from tests.scripts import run

OPENING = "import duckdb, sys; duckdb.connect(sys.argv[1])"


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


def test_to_look_at_a_file_gives_up_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "kept.duckdb"
    with ocinb.Catalog(path)._connections.connect():
        ocinb.Catalog(path)
        other = run(OPENING, path)
        assert "Could not set lock" in other.stderr
    assert run(OPENING, path).returncode == 0


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


def test_a_file_is_opened_once_by_all_its_names(tmp_path: Path) -> None:
    path, link = linked(tmp_path)
    with ocinb.Catalog(path)._connections.connect() as held:
        ocinb.Catalog(link).sql("INSERT INTO failures (reference) VALUES ('by the link')")
        assert held.execute("SELECT reference FROM failures").fetchall() == [("by the link",)]
    assert ocinb.Catalog(link).path == link


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


def test_who_adds_waits_longer_than_who_asks(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_file, "PATIENCE_SECONDS", 0.0)
    catalog = ocinb.Catalog(tmp_path / "held.duckdb")
    pauses: list[float] = []
    with process(tmp_path, HOLDER, catalog.path) as holder:
        assert holder.line() == "held"

        def wait(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 5:
                holder.end()

        monkeypatch.setattr(open_file, "pause", wait)
        for ask in (catalog.tables, lambda: catalog.sql("FROM images"), lambda: ocinb.Catalog(catalog.path)):
            with pytest.raises(TransportError, match=f"is in use by process {holder.pid}"):
                ask()
        assert pauses == []
        assert catalog.add(registry.reference("demo/hello"), depth="files")["outcome"].tolist() == ["added"]
    assert len(set(pauses)) > 1, "in step with the one who holds it nobody would ever find it free"


def test_a_writer_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = ocinb.Catalog(tmp_path / "held.duckdb")
    monkeypatch.setattr(open_file, "WRITERS_PATIENCE_SECONDS", 0.1)
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


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.duckdb"
    catalog = ocinb.Catalog(path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(TransportError, match=r"kept.duckdb cannot be read: Permission denied"):
        catalog.tables()
