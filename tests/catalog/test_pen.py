"""One connection writes what comes in a row, and is given up when nobody has to write, after an error, and in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ocinb.catalog import pen
from ocinb.catalog.connection import Connections
from ocinb.catalog.pen import Pen
from ocinb.errors import InvalidError


class Counted(Connections):
    """Connections that say how often one was opened and closed."""

    def __init__(self, path: str | Path) -> None:
        self.told: list[str] = []
        super().__init__(path)
        self.told.clear()

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with super().write() as connection:
            self.told.append("opened")
            yield connection
        self.told.append("closed")


@pytest.fixture(params=[":memory:", "file"])
def connections(request: Any, tmp_path: Path) -> Counted:
    return Counted(request.param if request.param == ":memory:" else tmp_path / "kept.duckdb")


def write(some: Pen) -> None:
    with some.turn() as connection:
        connection.execute("INSERT INTO failures BY NAME SELECT 'x' AS reference")


def count(connections: Connections) -> int:
    with connections.connect() as connection:
        [(found,)] = connection.execute("SELECT count(*) FROM failures").fetchall()
    return int(found)


def test_turns_in_a_row_share_a_connection(connections: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pen, "IDLE_SECONDS", 60.0)
    monkeypatch.setattr(pen, "HELD_SECONDS", 60.0)
    some = Pen(connections)
    for _ in range(3):
        write(some)
    assert connections.told == ["opened"]
    some.close()
    some.close()
    assert connections.told == ["opened", "closed"]
    write(some)
    some.close()
    assert connections.told == ["opened", "closed"] * 2
    assert count(connections) == 4


def test_one_that_is_idle_is_given_up(connections: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pen, "IDLE_SECONDS", 0.01)
    some = Pen(connections)
    write(some)
    deadline = time.monotonic() + 60
    while connections.told != ["opened", "closed"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    write(some)
    some.close()
    assert count(connections) == 2


def test_one_that_was_held_for_long_is_opened_anew(connections: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pen, "IDLE_SECONDS", 60.0)
    monkeypatch.setattr(pen, "HELD_SECONDS", 0.0)
    some = Pen(connections)
    for _ in range(3):
        write(some)
        time.sleep(0.001)
    some.close()
    assert connections.told == ["opened", "closed"] * 3


def test_an_error_gives_it_up(connections: Counted) -> None:
    some = Pen(connections)
    with pytest.raises(InvalidError, match="nothing"), some.turn() as connection:
        connection.execute("FROM nothing")
    with pytest.raises(KeyboardInterrupt), some.turn():
        raise KeyboardInterrupt
    assert [told for told in connections.told if told == "opened"] == ["opened"] * 2
    write(some)
    some.close()
    assert count(connections) == 1


def test_threads_take_turns(connections: Counted) -> None:
    some, at_once, most = Pen(connections), [0], [0]

    def work() -> None:
        for _ in range(5):
            with some.turn() as connection:
                at_once[0] += 1
                most[0] = max(most[0], at_once[0])
                connection.execute("INSERT INTO failures BY NAME SELECT 'x' AS reference")
                at_once[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    some.close()
    assert most == [1]
    assert count(connections) == 20
