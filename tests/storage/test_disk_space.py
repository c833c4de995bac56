"""Whether there is room is asked of the disk, and told with both figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.storage.disk_space import Room, beyond, free_bytes, needed_bytes, no_room


def test_a_disk_that_cannot_be_asked_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr("shutil.disk_usage", refuse)
    assert free_bytes(tmp_path) is None


@given(st.lists(st.builds(Room, st.integers(0, 100), st.integers(0, 100))), st.integers(0, 300))
def test_what_is_let_in_fits_and_what_is_not_would_not_have(rooms: list[Room], free: int) -> None:
    verdicts = beyond(rooms, free)
    taken = 0
    for room, over in zip(rooms, verdicts, strict=True):
        assert over is (taken + room.staying > free or room.passing > free)
        taken += 0 if over else room.staying
    assert taken <= free
    assert any(verdicts) is (needed_bytes(rooms) > free)


def test_the_error_names_what_it_is_for(tmp_path: Path) -> None:
    error = no_room(tmp_path, needed=2, free=1, name="python:3.12")
    assert error.reference == "python:3.12"
    assert str(error).startswith("python:3.12: ")
