"""A catalogue in a file: shared by processes, left alone if it is none, and whole after any end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb.catalog import document_rows, open_file
from ocinb.errors import InvalidError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from tests.catalog.making import sized
from tests.scripts import Script

HOLDER = """
import sys, duckdb
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""
ADDER = """
import sys, ocinb
catalog = ocinb.Catalog(sys.argv[1])
for name in sys.argv[2:]:
    print(catalog.add(name)["outcome"][0], catalog.sql("SELECT count(*) AS n FROM images")["n"][0], flush=True)
"""
COUNTED = {
    "configs": "SELECT count(*) FROM manifests ANTI JOIN configs USING (config_digest) WHERE config_digest IS NOT NULL",
    "layers": "SELECT count(*) FROM manifest_layers ANTI JOIN layers USING (layer_digest)",
}


def process(tmp_path: Path, script: str, *arguments: object) -> Script:
    folders = {f"OCINB_{kind.upper()}_DIR": str(tmp_path / f"other-{kind}") for kind in ("store", "cache")}
    return Script(script, *arguments, env=folders)


def put_many(registry: SampleRegistry, count: int) -> list[str]:
    for number in range(count):
        layers = [sized("base", 100), make_layer([file("number", str(number))]), sized("base", 100)]
        registry.put_image("team/many", layers, tag=f"v{number}")
    return [registry.reference(f"team/many:v{number}") for number in range(count)]


def check_whole(path: Path) -> int:
    """Find each image of a catalogue whole, by its raw documents, and say how many there are."""
    with ocinb.Catalog(path)._connections.connect() as opened:  # one, since to open a file takes its time
        for query in COUNTED.values():
            assert opened.execute(query).fetchall() == [(0,)]
        layers = stored(opened, "SELECT manifest_digest, layer_digest FROM manifest_layers ORDER BY layer")
        steps = stored(opened, "SELECT manifest_digest, created_by FROM history ORDER BY position")
        entries = stored(opened, "SELECT index_digest, manifest_digest FROM index_entries ORDER BY position")
        documents = "SELECT manifest_digest, m.raw, c.raw FROM manifests m LEFT JOIN configs c USING (config_digest)"
        rows = opened.execute(documents).fetchall()
    for digest, raw, config in rows:
        document = json.loads(raw)
        assert layers.get(digest, []) == [layer["digest"] for layer in document.get("layers", [])]
        assert entries.get(digest, []) == [entry["digest"] for entry in document.get("manifests", [])]
        if config:
            assert steps.get(digest, []) == [step["created_by"] for step in json.loads(config)["history"]]
    return len(rows)


def stored(opened: duckdb.DuckDBPyConnection, query: str) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for digest, value in opened.execute(query).fetchall():
        found.setdefault(digest, []).append(value)
    return found


def test_a_file_that_is_held_is_an_error_after_some_patience(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_file, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(open_file, "WRITERS_WAIT_SECONDS", 0.2)
    path = tmp_path / "held.duckdb"
    catalog = ocinb.Catalog(path)
    calls: list[Callable[[], object]] = [
        lambda: ocinb.Catalog(path),
        lambda: catalog.sql("SELECT 1"),
        lambda: catalog.add(registry.reference("demo/hello")),
        catalog.tables,
    ]
    with process(tmp_path, HOLDER, path) as holder:
        assert holder.line() == "held"
        for call in calls:
            with pytest.raises(TransportError, match="is in use") as caught:
                call()
            assert caught.value.__cause__ is None
            assert "try again later" in str(caught.value)
    assert catalog.add(registry.reference("demo/hello"))["outcome"].tolist() == ["added"]


def foreign(statements: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with duckdb.connect(str(path)) as made:
            made.execute(statements)

    return make


def of_version(version: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        ocinb.Catalog(path)
        with duckdb.connect(str(path)) as made:
            made.execute(f"DELETE FROM ocinb_version; INSERT INTO ocinb_version {version}")

    return make


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (foreign("CREATE TABLE mine (a INTEGER); INSERT INTO mine VALUES (1)"), "a database, but no catalogue"),
        (foreign("CREATE VIEW mine AS SELECT 1 AS a"), "a database, but no catalogue"),
        (foreign("CREATE SCHEMA s; CREATE TABLE s.mine (a INTEGER)"), "a database, but no catalogue"),
        (foreign("CREATE TABLE ocinb_version (other INTEGER)"), "version"),
        (of_version("SELECT 9"), "of version 9, and this ocinb reads version 3"),
        (of_version("SELECT 1 WHERE false"), "of version unknown, and this ocinb reads version 3"),
        (of_version("VALUES (1), (2)"), "of version 1, 2, and this ocinb reads version 3"),
        (lambda path: path.write_text("no database at all"), "is no catalogue: it is no file of DuckDB"),
        (lambda path: path.write_bytes(b"\0" * 20_000), "is no catalogue: it is no file of DuckDB"),
        (lambda path: path.touch(), "is no catalogue: it is no file of DuckDB"),
        (lambda path: path.write_bytes(b"\0" * 8 + b"DUCK"), "cannot be opened as a catalogue"),
    ],
)
def test_what_is_no_catalogue_is_left_as_it_is(tmp_path: Path, make: Callable[[Path], Any], said: str) -> None:
    path = tmp_path / "other.duckdb"
    make(path)
    before = path.read_bytes()
    with pytest.raises(InvalidError, match=said) as caught:
        ocinb.Catalog(path)
    assert str(path) in str(caught.value)
    assert caught.value.__cause__ is None
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.glob("*.duckdb*")] == ["other.duckdb"]


@pytest.mark.parametrize("calls", range(7))
def test_an_image_is_there_wholly_or_not_at_all(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    path = tmp_path / "kept.duckdb"
    catalog = ocinb.Catalog(path)
    catalog.add(registry.reference("demo/hello"))
    real, left = document_rows._insert, calls

    def failing(*arguments: Any) -> None:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        real(*arguments)

    monkeypatch.setattr(document_rows, "_insert", failing)
    with pytest.raises(KeyboardInterrupt):
        catalog.add(registry.reference("demo/shop:2.0"))
    monkeypatch.undo()
    assert catalog.sql("SELECT count(*) AS n FROM observations")["n"].tolist() == [1]
    assert check_whole(path) == 1
    assert catalog.add(registry.reference("demo/shop:2.0"))["outcome"].tolist() == ["added"]
    assert check_whole(path) == 4


@pytest.mark.parametrize("wrong", [None, "", 5, b"file"])
def test_what_is_no_path_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidError, match="a catalogue takes the path of a file"):
        ocinb.Catalog(wrong)


def test_a_closed_catalogue_says_so() -> None:
    catalog = ocinb.Catalog()
    catalog.close()
    for ask in (catalog.tables, lambda: catalog.sql("SELECT 1")):
        with pytest.raises(InvalidError, match="the catalogue in memory was closed"):
            ask()
