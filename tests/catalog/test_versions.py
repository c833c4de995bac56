"""A file of another version is left as it is to the byte, and one that is held says by whom."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import duckdb
import pytest

import ocinb
from ocinb.errors import InvalidError
from tests.scripts import run

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
