"""A catalogue in a file: shared by processes, left alone if it is none, and whole after any end."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb.catalog import connection, document_rows, open_file
from ocinb.catalog.open_file import put_in_place
from ocinb.catalog.parquet import read_export
from ocinb.errors import InvalidError, OcinbError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from tests.catalog.making import sized
from tests.scripts import Script, run

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


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(open_file.os, "link", refuse)  # type: ignore[attr-defined]


@pytest.fixture(params=["links", "no links"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no links":
        without_links(monkeypatch)


def names_in(folder: Path) -> list[str]:
    """Give what stands there but for the store and the cache that the tests may have there."""
    return sorted(path.name for path in folder.iterdir() if "duckdb" in path.name)


@pytest.mark.usefixtures("disk")
def test_a_new_catalogue_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.duckdb"
    assert ocinb.Catalog(path).tables().shape[0] > 10
    assert names_in(tmp_path) == ["new.duckdb"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (duckdb.IOException('Could not write file "x": No space left on device'), TransportError),
        (duckdb.FatalException("Failed to create checkpoint because of error"), TransportError),
        (duckdb.TransactionException("Failed to commit: Could not write file"), TransportError),
        (RuntimeError("Query interrupted"), KeyboardInterrupt),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, told: type[BaseException]
) -> None:
    real = connection._fill

    def failing(opened: duckdb.DuckDBPyConnection) -> None:
        real(opened)
        raise error

    monkeypatch.setattr(connection, "_fill", failing)
    with pytest.raises(told):
        ocinb.Catalog(tmp_path / "new.duckdb")
    assert names_in(tmp_path) == []
    monkeypatch.undo()
    assert len(ocinb.Catalog(tmp_path / "new.duckdb").sql("FROM images")) == 0


def test_a_name_that_the_disk_does_not_give_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(open_file.os, "link", refuse)  # type: ignore[attr-defined]
    with pytest.raises(TransportError, match=r"new.duckdb cannot be made: Disk quota exceeded"):
        ocinb.Catalog(tmp_path / "new.duckdb")
    assert names_in(tmp_path) == []


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("there", ["file", "folder", "link", "dangling"])
def test_what_has_the_name_keeps_it(tmp_path: Path, there: str) -> None:
    (tmp_path / "file").write_text("theirs")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    partial = tmp_path / "partial"
    partial.write_text("mine")
    with pytest.raises(FileExistsError):
        put_in_place(partial, tmp_path / there)
    assert (tmp_path / "file").read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name == there) == [there]
    assert (tmp_path / "dangling").is_symlink()


def loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (Path.mkdir, InvalidError, "is a directory, so it is no catalogue. Choose another path"),
        (os.mkfifo, InvalidError, "is no regular file, so it is no catalogue. Choose another path"),
        (loop, TransportError, "cannot be read: Too many levels of symbolic links"),
        (lambda path: path.symlink_to("no/where"), InvalidError, "there is no directory"),
        (lambda path: Path(f"{path}.wal").touch(), InvalidError, "other.wal belongs to a file that is gone. Remove it"),
    ],
)
def test_what_stands_in_the_way_is_told_and_left(
    tmp_path: Path, make: Callable[[Path], object], error: type[OcinbError], told: str
) -> None:
    make(tmp_path / "other")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(error) as caught:
        ocinb.Catalog(tmp_path / "other")
    assert told in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_is_made_is_told_by_the_name_that_it_was_to_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ocinb.Catalog().export(tmp_path / "tables")
    made: list[str] = []

    def refuse(path: str, **_: Any) -> None:
        made.append(path)
        raise duckdb.IOException(f'Cannot open file "{path}": No space left on device')

    monkeypatch.setattr(connection.duckdb, "connect", refuse)  # type: ignore[attr-defined]
    path = tmp_path / "new.duckdb"
    for make in (lambda: ocinb.Catalog(path), lambda: read_export(tmp_path / "tables", path)):
        with pytest.raises(TransportError) as caught:
            make()
        assert f'Cannot open file "{path}": No space left on device' in str(caught.value)
        assert caught.value.args == (caught.value.message,)
    assert all(".partial" in drawn for drawn in made)
    assert len(made) == 2


# Leaves what it wrote last beside the file, as DuckDB does until somebody opens that again.
KILLED = """
import os, signal, sys, duckdb
held = duckdb.connect(sys.argv[1])
held.execute("CHECKPOINT")
held.execute(sys.argv[2])
os.kill(os.getpid(), signal.SIGKILL)
"""
WAITING = """
import signal, sys, ocinb
from ocinb.catalog import open_file
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
catalog = ocinb.Catalog(sys.argv[1])
open_file.WAIT_SECONDS = open_file.WRITERS_WAIT_SECONDS = 600.0
pause = open_file.pause

def tell_and_pause(seconds):
    open_file.pause = pause
    print("waiting", flush=True)
    pause(seconds)

open_file.pause = tell_and_pause
print("ready", flush=True)
sys.stdin.readline()
try:
    eval(sys.argv[2])
except BaseException as error:
    print(type(error).__name__, flush=True)
"""


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def kill_after(path: Path, statement: str) -> None:
    killed = run(KILLED, path, statement)
    assert killed.returncode == -signal.SIGKILL
    assert Path(f"{path}.wal").stat().st_size


def test_a_database_of_others_whose_process_was_killed_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    kill_after(path, "CREATE TABLE mine AS SELECT 1 AS a")
    before = hashes(tmp_path)
    with pytest.raises(InvalidError, match="a database, but no catalogue"):
        ocinb.Catalog(path)
    assert hashes(tmp_path) == before


def test_what_another_connection_of_this_process_writes_is_no_leftover(tmp_path: Path) -> None:
    path = tmp_path / "kept.duckdb"
    ocinb.Catalog(path)
    with duckdb.connect(str(path)) as beside:
        beside.execute("INSERT INTO failures (reference) VALUES ('theirs')")
        assert Path(f"{path}.wal").exists()
        assert ocinb.Catalog(path).sql("FROM failures")["reference"].tolist() == ["theirs"]
