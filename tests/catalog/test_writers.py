"""Of several who write to one catalogue in a process, by whatever object, one is at it at a time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import ocinb


def waits(waiting: ocinb.Catalog, writing: ocinb.Catalog, *, seconds: float = 1.0) -> bool:
    """Say whether one has to wait until the other has written."""
    entered = threading.Event()

    def write() -> None:
        with waiting._connections.write():
            entered.set()

    thread = threading.Thread(target=write)
    with writing._connections.write():
        thread.start()
        waited = not entered.wait(seconds)
    thread.join()
    assert entered.is_set()
    return waited


@pytest.mark.parametrize("other", ["kept.duckdb", "link", "folder/../kept.duckdb"])
def test_two_objects_on_one_file_take_turns(tmp_path: Path, other: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("kept.duckdb")
    assert waits(ocinb.Catalog(tmp_path / "kept.duckdb"), ocinb.Catalog(tmp_path / other))
