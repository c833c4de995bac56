"""Kept answers can be counted and removed from outside, whatever the file turns out to be."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ocinb.errors import TransportError
from ocinb.storage.responses import FILE, Key, list_rows, remove_rows

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
