"""A catalogue leaves as Parquet files, all at once, and comes back; what is no export is refused, and harmless."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb.catalog import parquet
from ocinb.catalog.open_file import put_in_place
from ocinb.catalog.parquet import table_types
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, OcinbError, TransportError
from ocinb.samples import SampleRegistry
from tests.catalog.making import put_config, sized
from tests.catalog.test_document_rows import TABLES
from tests.documents import REPOSITORY, layer, put_image, put_schema1
from tests.spec.signing import Step

KILLED = """
import os, signal, sys, ocinb
from ocinb.catalog import parquet
real, written = parquet._write_table, []
def write(*arguments):
    real(*arguments)
    written.append(arguments)
    if len(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
parquet._write_table = write
ocinb.Catalog().export(sys.argv[1])
"""
HOSTILE = """it's "quoted"; DROP TABLE files; -- \\ $1 <script>alert(1)</script> \x00 \x1b[2J é 🐋"""


class EndedError(Exception):
    """What ends an export in its midst."""


def filled(registry: SampleRegistry) -> ocinb.Catalog:
    put_config(registry, "team/odd", {"config": {"Labels": {HOSTILE: HOSTILE * 99}}}, sized("a", 10), tag="1")
    names = ["demo/shop:2.0", "demo/nested:1", "demo/chart:0.1", "demo/gone:1", "team/odd:1"]
    catalog = ocinb.Catalog()
    catalog.add([registry.reference(name) for name in names])
    return catalog


def rows_of(catalog: ocinb.Catalog, table: str) -> list[Any]:
    with catalog._connections.connect() as connection:
        return connection.execute(f"FROM {table} ORDER BY ALL").fetchall()


def rewritten(path: Path, query: str, mark: dict[str, object] | None = None) -> None:
    """Write one file of an export anew, with its own mark or another one."""
    with duckdb.connect() as connection:
        own = connection.execute("SELECT value FROM parquet_kv_metadata(?) WHERE key = 'ocinb'", [str(path)]).fetchall()
        told = json.dumps(json.loads(own[0][0]) | (mark or {}))
        new = path.with_suffix(".new")
        connection.execute("SET TimeZone = 'UTC'")
        connection.from_parquet(str(path)).create_view("it")
        connection.execute(f"COPY ({query}) TO ? (FORMAT parquet, KV_METADATA {{ocinb: '{told}'}})", [str(new)])
    new.replace(path)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture
def empty(made_once: Path, tmp_path: Path) -> Path:
    """Give a copy of what a catalogue exports in which nothing is."""
    if not (made_once / "empty").exists():
        with ocinb.Catalog() as catalog:
            catalog.export(made_once / "empty")
    return Path(shutil.copytree(made_once / "empty", tmp_path / "tables"))


@pytest.fixture
def hello(made_once: Path, registry: SampleRegistry, tmp_path: Path) -> Path:
    """Give a copy of what a catalogue exports in which one image is."""
    if not (made_once / "hello").exists():
        with ocinb.Catalog() as catalog:
            assert catalog.add(registry.reference("demo/hello"))["outcome"].tolist() == ["added"]
            catalog.export(made_once / "hello")
    return Path(shutil.copytree(made_once / "hello", tmp_path / "tables"))


@pytest.mark.parametrize("where", ["tables", "o'dd [a] *?", "k=1", "new/and/new"])
def test_an_export_comes_back_as_it_was(registry: SampleRegistry, tmp_path: Path, where: str) -> None:
    folder, path = tmp_path / where / "x", tmp_path / "back.duckdb"
    with filled(registry) as catalog:
        catalog.export(folder)
        assert sorted(found.name for found in folder.iterdir()) == sorted(f"{table}.parquet" for table in TABLES)
        with ocinb.Catalog.from_parquet(folder) as in_memory:
            for back in (in_memory, ocinb.Catalog.from_parquet(str(folder), str(path))):
                for table in TABLES:
                    assert rows_of(back, table) == rows_of(catalog, table), table
                assert len(rows_of(back, "manifests")) > 5
    assert [found.name for found in folder.parent.iterdir()] == ["x"]
    assert sorted(found.name for found in tmp_path.glob("*back*")) == ["back.duckdb"]
    with ocinb.Catalog(path) as again:
        assert again.add(registry.reference("team/odd:1"))["outcome"].tolist() == ["present"]
        labels = again.sql("SELECT labels FROM images WHERE len(map_keys(labels)) = 1 AND reference LIKE '%odd%'")
    assert labels["labels"].tolist() == [{HOSTILE: HOSTILE * 99}]


def test_a_plain_duckdb_reads_the_files(registry: SampleRegistry, tmp_path: Path) -> None:
    with filled(registry) as catalog:
        catalog.export(tmp_path / "tables")
        expected = rows_of(catalog, "layers")
    with duckdb.connect() as plain:
        plain.execute("SET TimeZone = 'UTC'")
        files = [str(tmp_path / "tables" / "layers.parquet")]
        assert plain.execute("FROM read_parquet(?) ORDER BY ALL", [files]).fetchall() == expected
    assert table_types().keys() == TABLES.keys()


def test_an_export_replaces_an_older_one(registry: SampleRegistry, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    with ocinb.Catalog() as catalog:
        catalog.export(folder)
        catalog.add(registry.reference("demo/hello"))
        catalog.export(folder)
    assert len(rows_of(ocinb.Catalog.from_parquet(folder), "manifests")) == 1
    assert [found.name for found in tmp_path.iterdir() if "tables" in found.name] == ["tables"]


@pytest.mark.parametrize("name", ["notes.txt", "files.parquet", "my.parquet", ".hidden"])
def test_files_of_others_are_left_alone(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "tables"
    with ocinb.Catalog() as catalog:
        catalog.export(folder)
        (folder / name).write_bytes(b"mine")
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(InvalidError, match=f"files that are no export: {name}") as caught:
            catalog.export(folder)
    assert "Choose another directory" in str(caught.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_or_a_link_in_the_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    with ocinb.Catalog() as catalog:
        for name in ("file", "link"):
            with pytest.raises(InvalidError, match="no folder"):
                catalog.export(tmp_path / name)
        with pytest.raises(TransportError, match="cannot be written"):
            catalog.export(tmp_path / "file" / "below")
    assert (tmp_path / "link").is_symlink()
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize("wrong", [None, "", 5, b"tables"])
def test_what_is_no_path_is_refused(wrong: Any) -> None:
    with ocinb.Catalog() as catalog, pytest.raises(InvalidError, match="is no path"):
        catalog.export(wrong)
    with pytest.raises(InvalidError, match="is no path"):
        ocinb.Catalog.from_parquet(wrong)


@pytest.mark.parametrize("there", ["nothing", "an export"])
@pytest.mark.parametrize("left", [0, 1, 5])
def test_an_export_that_is_ended_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str, left: int
) -> None:
    folder, real = tmp_path / "tables", parquet._write_table
    written: list[object] = []

    def failing(*arguments: Any) -> None:
        if len(written) == left:
            raise EndedError
        real(*arguments)
        written.append(arguments)

    with ocinb.Catalog() as catalog:
        if there == "an export":
            catalog.export(folder)
        before = {path.name: path.read_bytes() for path in folder.glob("*")}
        monkeypatch.setattr(parquet, "_write_table", failing)
        with pytest.raises(EndedError):
            catalog.export(folder)
        monkeypatch.undo()
        assert {path.name: path.read_bytes() for path in folder.glob("*")} == before
        assert [found.name for found in tmp_path.glob("*tables*")] == ["tables"] * (there == "an export")
        catalog.export(folder)
    assert len(list(folder.iterdir())) == len(TABLES)


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def marked(**mark: object) -> Callable[[Path], None]:
    return lambda path: rewritten(path, "FROM it", mark)


def as_query(query: str) -> Callable[[Path], None]:
    return lambda path: rewritten(path, query)


def unmarked(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("COPY (SELECT 1 AS a) TO ? (FORMAT parquet)", [str(path)])


def in_its_place(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replaced(path: Path) -> None:
        path.unlink()
        make(path)

    return replaced


SPOILED: list[tuple[str, Callable[[Path], object], type[OcinbError], str]] = [
    ("layers", remove, InvalidError, "it has no layers.parquet"),
    ("layers", cut, InvalidError, "cannot be read as a Parquet file"),
    ("layers", lambda path: path.write_bytes(b""), InvalidError, "cannot be read as a Parquet file"),
    ("layers", lambda path: path.write_bytes(b"PAR1" + b"\xff" * 99 + b"PAR1"), InvalidError, "cannot be read as a"),
    ("layers", unmarked, InvalidError, "does not say that it is the table layers"),
    ("layers", lambda path: shutil.copy(path.with_name("files.parquet"), path), InvalidError, "the table layers"),
    ("layers", marked(table=["layers"]), InvalidError, "does not say that it is the table layers"),
    ("layers", marked(version=1), InvalidError, "of version 1, and this ocinb reads version 3. Choose another path"),
    ("layers", marked(version=9), InvalidError, "of version 9, and this ocinb reads version 3. Update ocinb"),
    ("layers", marked(version="2"), InvalidError, "of version unknown"),
    ("layers", marked(export="another"), InvalidError, "of several exports"),
    ("layers", as_query("SELECT * EXCLUDE (files) FROM it"), InvalidError, "its column files is not there"),
    ("layers", as_query("SELECT *, 1 AS more FROM it"), InvalidError, "there is no column more in it"),
    (
        "layers",
        as_query("SELECT * REPLACE (files::VARCHAR AS files) FROM it"),
        InvalidError,
        "its column files is VARCHAR, and has to be BIGINT",
    ),
    (
        "failures",
        as_query("SELECT 'a' AS reference, 'b' AS stage, 'c' AS error, now() AS failed_at FROM range(1999999)"),
        InvalidError,
        "failures.parquet claims 1,999,999 rows in ",
    ),
    ("layers", in_its_place(lambda path: path.symlink_to(path)), InvalidError, "it has no layers.parquet"),
    ("layers", in_its_place(lambda path: path.symlink_to("/dev/zero")), InvalidError, "it has no layers.parquet"),
    ("layers", in_its_place(Path.mkdir), InvalidError, "it has no layers.parquet"),
    ("layers", in_its_place(os.mkfifo), InvalidError, "it has no layers.parquet"),
    ("configs", as_query("SELECT * REPLACE (raw || ' ' AS raw) FROM it"), IntegrityError, "does not match its digest"),
    ("manifests", as_query("SELECT * REPLACE ('{}' AS raw) FROM it"), IntegrityError, "does not match its digest"),
]


@pytest.mark.parametrize(("table", "spoil", "error", "told"), SPOILED)
def test_what_is_no_export_makes_no_catalogue(
    hello: Path,
    tmp_path: Path,
    table: str,
    spoil: Callable[[Path], Any],
    error: type[Exception],
    told: str,
) -> None:
    spoil(hello / f"{table}.parquet")
    for place in (tmp_path / "made.duckdb", ":memory:"):
        with pytest.raises(error) as caught:
            ocinb.Catalog.from_parquet(hello, place)
        assert told in str(caught.value)
        assert caught.value.__cause__ is None
    assert sorted(found.name for found in tmp_path.glob("*made*")) == []


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        with pytest.raises(NotFoundError, match="there is no directory"):
            ocinb.Catalog.from_parquet(tmp_path / name, tmp_path / "made.duckdb")
    with pytest.raises(InvalidError, match=r"no export of a catalogue: it has no \w+\.parquet"):
        ocinb.Catalog.from_parquet(tmp_path)
    assert not (tmp_path / "made.duckdb").exists()


@pytest.mark.parametrize("left", ["made.duckdb", "made.duckdb.wal"])
def test_nothing_is_written_over(empty: Path, tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_text("mine")
    with pytest.raises(InvalidError, match="there is something at"):
        ocinb.Catalog.from_parquet(empty, tmp_path / "made.duckdb")
    assert (tmp_path / left).read_text() == "mine"
    assert [found.name for found in tmp_path.glob("*made*")] == [left]


def test_a_catalogue_that_cannot_be_written_is_told_as_such(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise duckdb.IOException("Could not write file: No space left on device")

    monkeypatch.setattr(parquet, "_check_columns", full)
    with pytest.raises(TransportError, match="No space left"):
        ocinb.Catalog.from_parquet(empty, tmp_path / "made.duckdb")
    assert [found.name for found in tmp_path.glob("*made*")] == []


def test_texts_without_measure_take_no_memory_without_measure(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swollen = "SELECT repeat('x', 1000000) AS reference, 'b' AS stage, 'c' AS error, now() AS failed_at FROM range(200)"
    rewritten(empty / "failures.parquet", swollen)
    monkeypatch.setattr(parquet, "MEMORY_LIMIT", "60MB")
    with pytest.raises(TransportError, match=r"tables cannot be read: .*MiB used\)$"):
        ocinb.Catalog.from_parquet(empty, tmp_path / "made.duckdb")
    assert [found.name for found in tmp_path.glob("*made*")] == []
    monkeypatch.undo()
    made = ocinb.Catalog.from_parquet(empty, tmp_path / "made.duckdb")
    assert made.sql("SELECT sum(strlen(reference)) AS n FROM failures")["n"].tolist() == [200_000_000]


def test_another_file_that_comes_to_its_place_meanwhile_stays(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made.duckdb"

    def late(partial: Path, path: Path) -> None:
        path.write_text("theirs")
        put_in_place(partial, path)

    monkeypatch.setattr(parquet, "put_in_place", late)
    with pytest.raises(InvalidError, match="there is something at"):
        ocinb.Catalog.from_parquet(empty, made)
    assert made.read_text() == "theirs"
    assert [found.name for found in tmp_path.glob("*made*")] == ["made.duckdb"]


def test_a_path_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    with ocinb.Catalog() as catalog:
        with pytest.raises(TransportError, match="cannot be written: File name too long"):
            catalog.export(long)
        catalog.export(tmp_path / "tables")
    calls: list[Callable[[], object]] = [lambda: ocinb.Catalog(long), lambda: ocinb.Catalog.from_parquet(long)]
    for wrong in calls:
        with pytest.raises(TransportError, match="cannot be read: File name too long"):
            wrong()
    for path in (long, tmp_path / "nowhere" / "made.duckdb"):
        with pytest.raises(OcinbError, match=r"too long|there is no directory"):
            ocinb.Catalog.from_parquet(tmp_path / "tables", path)


SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
FORGED = "does not match its digest"


def exported(registry: SampleRegistry, folder: Path) -> ocinb.Catalog:
    """Export images of all kinds: one of schema 1, one whose digests are SHA-512, and an index."""
    put_schema1(registry, Step(["sh"], layer("old").digest))
    put_image(registry, layer("new"), tag="long", algorithm="sha512")
    names = [f"{REPOSITORY}:old", f"{REPOSITORY}:long", "demo/shop:2.0"]
    catalog = ocinb.Catalog()
    added = catalog.add([registry.reference(name) for name in names], depth="files")
    assert set(added["outcome"]) <= {"added", "failed"}, "the layers of the old one are not there"
    catalog.export(folder)
    return catalog


@pytest.fixture(scope="module")
def made_once_of_forged_exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export") / "tables"


@pytest.fixture
def tables(made_once_of_forged_exports: Path, registry: SampleRegistry, tmp_path: Path) -> Path:
    """Give a copy of an export, to be spoiled."""
    if not made_once_of_forged_exports.exists():
        exported(registry, made_once_of_forged_exports)
    return Path(shutil.copytree(made_once_of_forged_exports, tmp_path / "tables"))


def test_documents_of_all_kinds_come_back(registry: SampleRegistry, tmp_path: Path) -> None:
    catalog = exported(registry, tmp_path / "tables")
    kinds = catalog.sql("SELECT DISTINCT media_type, split_part(manifest_digest, ':', 1) AS algorithm FROM manifests")
    assert SIGNED in set(kinds["media_type"])
    assert set(kinds["algorithm"]) == {"sha256", "sha512"}
    made = ocinb.Catalog.from_parquet(tmp_path / "tables")
    for table in ("manifests", "configs", "files"):
        assert rows_of(made, table) == rows_of(catalog, table) != []


@pytest.mark.parametrize(
    ("table", "forgery", "told"),
    [
        ("manifests", f"SELECT * REPLACE ('{SIGNED}' AS media_type, '{{}}' AS raw) FROM it", FORGED),
        (
            "manifests",
            f"SELECT * REPLACE (CASE media_type WHEN '{SIGNED}' THEN '{{}}' ELSE raw END AS raw) FROM it",
            "",
        ),
        ("manifests", "SELECT * REPLACE (replace(raw, 'linux', 'lunix') AS raw) FROM it", ""),
        ("manifests", "SELECT * REPLACE ('sha512:' || repeat('a', 128) AS manifest_digest) FROM it", FORGED),
        ("manifests", "SELECT * REPLACE ('md5:' || md5(raw) AS manifest_digest) FROM it", FORGED),
        ("manifests", "SELECT * REPLACE (upper(manifest_digest) AS manifest_digest) FROM it", FORGED),
        ("manifests", "SELECT * REPLACE (NULL::VARCHAR AS raw) FROM it", "manifests.parquet has no raw"),
        ("manifests", "SELECT * REPLACE (NULL::VARCHAR AS manifest_digest) FROM it", "has no manifest_digest"),
        ("configs", "SELECT * REPLACE (replace(config_digest, '256', '512') AS config_digest) FROM it", FORGED),
        ("configs", "SELECT * REPLACE ('' AS raw) FROM it", FORGED),
        ("configs", "SELECT * REPLACE (NULL::VARCHAR AS raw) FROM it", "configs.parquet has no raw"),
        ("configs", "SELECT * REPLACE (NULL::VARCHAR AS config_digest) FROM it", "has no config_digest"),
        ("layers", "SELECT * REPLACE (NULL::VARCHAR AS layer_digest) FROM it", "has no layer_digest"),
        ("files", "SELECT * REPLACE (NULL::VARCHAR AS path) FROM it", "files.parquet has no path"),
        ("index_entries", "SELECT * REPLACE (NULL::VARCHAR AS manifest_digest) FROM it", "has no manifest_digest"),
        ("manifest_layers", "SELECT * REPLACE (NULL::BIGINT AS layer) FROM it", "manifest_layers.parquet has no layer"),
        ("history", "SELECT * REPLACE (NULL::BIGINT AS position) FROM it", "history.parquet has no position"),
        ("observations", "SELECT * REPLACE (NULL::VARCHAR AS repository) FROM it", "has no repository"),
    ],
)
def test_a_forged_row_is_refused(tables: Path, tmp_path: Path, table: str, forgery: str, told: str) -> None:
    rewritten(tables / f"{table}.parquet", forgery)
    for place in (":memory:", tmp_path / "made.duckdb"):
        with pytest.raises(IntegrityError, match=told or FORGED):
            ocinb.Catalog.from_parquet(tables, place)
    assert list(tmp_path.glob("*made*")) == []
