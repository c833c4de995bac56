"""Answers that are kept are a help: never a leak, never a way in, and never a reason to fail."""

from __future__ import annotations

import base64
import gc
import json
import logging
import pickle
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import close_default_session, default_session
from ocinb.spec.digest import Digest
from tests.transferring import open_repository

OPEN_AND_ASK = """
import sys
from pathlib import Path
from requests import Request
from ocinb.storage.caching_session import open_responses

print("ready", flush=True)
sys.stdin.readline()
for number in range(5):
    with open_responses(Path(sys.argv[1]), lambda response: True) as session:
        session.settings.expire_after = 60
        session.get(f"{sys.argv[2]}/v2/demo/shop/manifests/{number}", headers={"Accept": "*/*"})
        session.get(f"{sys.argv[2]}/v2/demo/shop/manifests/2.0", headers={"Accept": sys.argv[3]})
        assert session.get(f"{sys.argv[2]}/v2/demo/shop/manifests/2.0", headers={"Accept": sys.argv[3]}).from_cache
"""


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


def test_an_answer_is_kept_from_one_session_to_the_next(registry: SampleRegistry) -> None:
    digest = ask(registry)
    close_default_session()
    assert ask(registry) == digest
    assert asked(registry) == 1


def test_folder_and_files_are_for_their_owner_only(registry: SampleRegistry) -> None:
    ask(registry)
    files = list(settings.cache_dir.iterdir())
    assert {path.name for path in files} == {"responses.sqlite", "responses.sqlite-wal", "responses.sqlite-shm"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(settings.cache_dir.stat().st_mode) == 0o700


def test_a_file_that_was_open_to_others_is_closed_to_them(registry: SampleRegistry) -> None:
    settings.cache_dir.mkdir()
    file().touch(mode=0o644)
    ask(registry)
    assert {stat.S_IMODE(path.stat().st_mode) for path in settings.cache_dir.iterdir()} == {0o600}


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


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def test_a_poisoned_file_runs_no_code(registry: SampleRegistry, tmp_path: Path) -> None:
    mark = tmp_path / "run"
    digest = ask(registry)
    change("UPDATE responses SET value = ?", pickle.dumps(Bomb(mark)))
    assert ask(registry) == digest
    assert not mark.exists()
    assert asked(registry) == 2
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists(), "the bomb is a dud"


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff", "", "null", "[]", "5", '"text"', "{}", '{"a": 1}', '{"_content": 5}', "{" * 100_000, None],
)
def test_an_odd_row_is_as_good_as_none(registry: SampleRegistry, value: Any) -> None:
    digest = ask(registry)
    change("UPDATE responses SET value = ?", value)
    assert ask(registry) == digest
    assert asked(registry) == 2
    assert ask(registry) == digest
    assert asked(registry) == 2


@pytest.mark.parametrize("field", ["_content", "status_code", "headers", "created_at", "expires", "request", "url"])
@pytest.mark.parametrize("value", [None, 5, "text", [], {}])
def test_an_odd_field_is_no_error(registry: SampleRegistry, field: str, value: Any) -> None:
    digest = ask(registry)
    document = stored()
    assert field in document or field == "_content"
    change("UPDATE responses SET value = ?", json.dumps({**document, field: value}))
    assert ask(registry) == digest


@pytest.mark.parametrize("ttl", [300, 0])
def test_a_body_that_was_changed_is_asked_for_again(registry: SampleRegistry, ttl: int) -> None:
    settings.tag_ttl = ttl
    digest = ask(registry)
    document = stored()
    body = base64.b64decode(document["_content"])
    assert Digest.of(body) == digest
    changed = base64.b64encode(body.replace(b"arm64", b"amd64")).decode()
    change("UPDATE responses SET value = ?", json.dumps({**document, "_content": changed}))
    assert ask(registry) == digest
    # On a slow machine it is asked first whether it changed.
    assert [request.status for request in registry.requests] in ([200, 200], [200, 304, 200])
    close_default_session()
    assert base64.b64decode(stored()["_content"]) == body


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


@pytest.mark.parametrize("content", [b"", None], ids=["an empty file", "a link to nowhere"])
def test_what_holds_nothing_is_taken(registry: SampleRegistry, tmp_path: Path, content: bytes | None) -> None:
    settings.cache_dir.mkdir()
    if content is None:
        file().symlink_to(tmp_path / "elsewhere.sqlite")
    else:
        file().write_bytes(content)
    assert ask(registry) == ask(registry)
    assert asked(registry) == 1
    assert list(settings.cache_dir.glob("*damaged*")) == []


def test_of_a_link_to_something_damaged_the_link_is_set_aside(registry: SampleRegistry, tmp_path: Path) -> None:
    settings.cache_dir.mkdir()
    (tmp_path / "elsewhere").write_bytes(b"somebody's notes")
    file().symlink_to(tmp_path / "elsewhere")
    ask(registry)
    [aside] = settings.cache_dir.glob("responses.sqlite.damaged-*")
    assert aside.is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"somebody's notes"
    assert not file().is_symlink()


def test_a_file_of_a_version_that_pickled_is_as_good_as_empty(registry: SampleRegistry, tmp_path: Path) -> None:
    settings.cache_dir.mkdir()
    with closing(sqlite3.connect(file())) as connection:
        connection.execute("CREATE TABLE responses (key TEXT PRIMARY KEY, value BLOB, expires INTEGER)")
        rows = [(f"{number}", pickle.dumps(Bomb(tmp_path / "run")), 2**40) for number in range(3)]
        connection.executemany("INSERT INTO responses VALUES (?, ?, ?)", rows)
        connection.commit()
    assert ask(registry) == ask(registry)
    assert asked(registry) == 1
    assert not (tmp_path / "run").exists()


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


def test_a_folder_that_is_removed_under_a_session_is_survived(registry: SampleRegistry) -> None:
    digest = ask(registry)
    for path in settings.cache_dir.iterdir():
        path.unlink()
    settings.cache_dir.rmdir()
    assert ask(registry) == digest
    close_default_session()
    assert ask(registry) == digest


def test_processes_that_begin_at_once_do_not_disturb_each_other(registry: SampleRegistry, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "cache"), f"http://{registry.host}"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_AND_ASK, *arguments, f"a/{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    assert [process.communicate()[0] for process in processes] == [b""] * 4
    assert [process.returncode for process in processes] == [0] * 4
    assert list((tmp_path / "cache").glob("*damaged*")) == []


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


def test_the_file_is_closed_when_nobody_has_it_any_more(registry: SampleRegistry) -> None:
    ask(registry)
    answers = default_session()._http._session().cache.responses
    with answers.connection() as connection:
        close_default_session()
        gc.collect()
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
