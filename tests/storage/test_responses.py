"""Answers that are kept are a help: never a leak, never a way in, and never a reason to fail."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import close_default_session, default_session
from ocinb.storage.responses import FILE, Key, is_asking, list_rows, note_asking, remove_rows
from tests.transferring import open_repository


def file() -> Path:
    return settings.cache_dir / "responses.sqlite"


def ask(registry: SampleRegistry) -> str:
    return open_repository(registry).resolve("2.0").digest


def asked(registry: SampleRegistry) -> int:
    return len(registry.requests)


def change(statement: str, *values: Any) -> None:
    close_default_session()
    with closing(sqlite3.connect(file())) as connection:
        connection.execute(statement, values)
        connection.commit()


def stored() -> dict[str, Any]:
    with closing(sqlite3.connect(file())) as connection:
        [row] = connection.execute("SELECT value FROM responses").fetchall()
    document: dict[str, Any] = json.loads(row[0])
    return document


@pytest.mark.parametrize("content", [b"this is no database", b"\0" * 5000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_set_aside(
    registry: SampleRegistry, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    settings.cache_dir.mkdir()
    file().write_bytes(content)
    with caplog.at_level(logging.WARNING, "ocinb"):
        ask(registry)
    [aside] = settings.cache_dir.glob("responses.sqlite.damaged-*")
    assert aside.read_bytes() == content
    assert aside.name in caplog.text
    close_default_session()
    ask(registry)
    assert asked(registry) == 1


def test_a_file_that_others_hold_costs_a_question_and_is_told_once(
    registry: SampleRegistry, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocinb.storage.responses.BUSY_SECONDS", 0.05)
    ask(registry)
    settings.tag_ttl = 0
    with closing(sqlite3.connect(file(), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING, "ocinb"):
            open_repository(registry).tags()
            open_repository(registry, "demo/base").tags()
    assert caplog.messages == [f"the cache {file()} cannot be used: database is locked"]


@pytest.mark.parametrize("field", ["_content", "status_code", "headers", "created_at", "expires", "request", "url"])
@pytest.mark.parametrize("value", [None, 5, "text", [], {}])
def test_an_odd_field_is_no_error(registry: SampleRegistry, field: str, value: Any) -> None:
    digest = ask(registry)
    document = stored()
    assert field in document or field == "_content"
    change("UPDATE responses SET value = ?", json.dumps({**document, field: value}))
    assert ask(registry) == digest


FOREIGN = {
    "a table of our name with other columns": ["CREATE TABLE responses (something INTEGER)"],
    "a table of our name with more columns": ["CREATE TABLE responses (key TEXT, value BLOB, expires INTEGER, x TEXT)"],
    "another program's": ["CREATE TABLE bookmarks (url TEXT)", "INSERT INTO bookmarks VALUES ('https://example/')"],
    "ours and another's": [
        "CREATE TABLE responses (key TEXT PRIMARY KEY, value BLOB, expires INTEGER)",
        "CREATE TABLE bookmarks (url TEXT)",
    ],
}


@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN)
def test_another_programs_database_is_set_aside_as_it_was(
    registry: SampleRegistry, statements: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings.cache_dir.mkdir()
    with closing(sqlite3.connect(file())) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    before = file().read_bytes()
    assert ask(registry) == ask(registry)
    assert asked(registry) == 1
    [aside] = settings.cache_dir.glob("responses.sqlite.damaged-*")
    assert aside.read_bytes() == before
    [warning] = [record.getMessage() for record in caplog.records if record.name == "ocinb"]
    assert aside.name in warning


def test_a_folder_in_the_place_of_the_file_is_set_aside(registry: SampleRegistry) -> None:
    (file() / "inner").mkdir(parents=True)
    ask(registry)
    assert ask(registry)
    assert asked(registry) == 1
    [aside] = settings.cache_dir.glob("responses.sqlite.damaged-*")
    assert (aside / "inner").is_dir()


def test_a_folder_that_cannot_be_used_is_an_error_that_says_what_to_do(registry: SampleRegistry) -> None:
    settings.cache_dir.write_bytes(b"")
    with pytest.raises(TransportError, match=r"cache_dir moves it") as caught:
        ask(registry)
    assert str(settings.cache_dir) in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_file_that_another_process_holds_is_an_error_and_not_for_ever(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocinb.storage.responses.BUSY_SECONDS", 0.05)
    ask(registry)
    close_default_session()
    with closing(sqlite3.connect(file(), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransportError, match="locked") as caught:
            ask(registry)
        assert caught.value.hint == "ocinb.settings.cache_dir moves it"
        assert list(settings.cache_dir.glob("*damaged*")) == []
    ask(registry)
    assert asked(registry) == 1


@pytest.mark.parametrize("pragma", ["PRAGMA query_only = ON", "PRAGMA max_page_count = 1", "DROP TABLE responses"])
def test_a_cache_that_fails_later_costs_a_question_and_is_told_once(
    registry: SampleRegistry, pragma: str, caplog: pytest.LogCaptureFixture
) -> None:
    ask(registry)
    digest = open_repository(registry, "demo/base").resolve("12").digest
    _connection().execute(pragma)
    settings.tag_ttl = 0
    for _ in range(3):
        assert open_repository(registry, "demo/base").resolve("12").digest == digest
        with pytest.raises(LookupError):
            open_repository(registry, "demo/base").resolve("none")
        for tag in ("1.0", "latest"):
            assert open_repository(registry).resolve(tag).size > 1000
    [warning] = [record for record in caplog.records if record.name == "ocinb" and record.levelno == logging.WARNING]
    assert str(file()) in warning.getMessage()


def test_a_file_that_is_overwritten_under_a_session_is_survived(registry: SampleRegistry) -> None:
    digest = ask(registry)
    for path in settings.cache_dir.iterdir():
        path.write_bytes(b"x" * 10_000)
    assert ask(registry) == digest
    close_default_session()
    assert ask(registry) == digest


def _connection() -> sqlite3.Connection:
    named: Any = default_session()._http._named
    connection: sqlite3.Connection = named.cache.responses._connection
    return connection


def test_what_was_kept_is_not_given_out_for_a_registry_that_is_gone() -> None:
    with start_registry() as gone:
        assert ask(gone)
    settings.tag_ttl = 0  # the library kept it for longer
    with pytest.raises(TransportError, match="cannot be reached"):
        ask(gone)


TABLE = "CREATE TABLE responses (key TEXT PRIMARY KEY, value BLOB, expires INTEGER)"


def write(folder: Path, *values: Any) -> Path:
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute(TABLE)
        rows = [(str(number), value, 0) for number, value in enumerate(values)]
        connection.executemany("INSERT INTO responses VALUES (?, ?, ?)", rows)
        connection.commit()
    return folder / FILE


VALUES: dict[str, tuple[Any, float]] = {
    "an answer": (json.dumps({"created_at": "2026-01-01T00:00:00+00:00"}), 1767225600.0),
    "bytes of an answer": (json.dumps({"created_at": "2026-01-01T00:00:00+00:00"}).encode(), 1767225600.0),
    "no moment": ("{}", 0.0),
    "an odd moment": ('{"created_at": "yesterday"}', 0.0),
    "a moment of another type": ('{"created_at": [5]}', 0.0),
    "no object": ("[]", 0.0),
    "no JSON": ("{" * 1000, 0.0),
    "a pickle": (b"\x80\x04\x95", 0.0),
    "no text": (b"\xff\xfe", 0.0),
    "nothing": (None, 0.0),
    "a number": (5, 0.0),
}


@pytest.mark.parametrize(("value", "created"), VALUES.values(), ids=VALUES)
def test_an_answer_tells_when_it_came_or_is_the_oldest(tmp_path: Path, value: Any, created: float) -> None:
    write(tmp_path, value)
    [row] = list_rows(tmp_path)
    assert row.created == created
    remove_rows(tmp_path, [row.key])
    assert list_rows(tmp_path) == []


def test_the_file_becomes_smaller(tmp_path: Path) -> None:
    path = write(tmp_path, *("x" * 10_000 for _ in range(100)))
    before = path.stat().st_size
    remove_rows(tmp_path, [row.key for row in list_rows(tmp_path)])
    assert path.stat().st_size < before / 10


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    remove_rows(tmp_path / "none", [Key("1")])
    assert not (tmp_path / "none").exists()


def test_a_file_that_another_process_writes_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocinb.storage.responses.BUSY_SECONDS", 0.05)
    path = write(tmp_path, "{}")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransportError, match="cannot be cleaned up: database is locked"):
            remove_rows(tmp_path, [Key("0")])
    assert len(list_rows(tmp_path)) == 1


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    note_asking(tmp_path / "file", "ghcr.io")
    assert not is_asking(tmp_path / "file", "ghcr.io")
