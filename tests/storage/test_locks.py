"""Locks bind threads and processes alike, give way in the end, and are no obstacle where they do not work."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.errors import TransportError
from ocinb.storage.file_locks import locked, shared

HOLD = """
import sys
from pathlib import Path
from ocinb.storage.file_locks import locked, shared

with {"locked": locked, "shared": shared}[sys.argv[2]](Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.mark.parametrize(("want", "patience"), [(locked, "LOCK_SECONDS"), (shared, "CLEANUP_SECONDS")])
def test_who_waits_too_long_is_told(path: Path, monkeypatch: pytest.MonkeyPatch, want: type, patience: str) -> None:
    monkeypatch.setattr(f"ocinb.storage.file_locks.{patience}", 0.05)
    with locked(path), pytest.raises(TransportError, match="has held") as caught, want(path):
        pytest.fail("both have it")
    assert str(path) in str(caught.value)
