"""That a registry asks is remembered by an empty file, and forgotten without harm."""

from __future__ import annotations

from pathlib import Path

from ocinb.storage.responses import is_asking, note_asking


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    note_asking(tmp_path / "file", "ghcr.io")
    assert not is_asking(tmp_path / "file", "ghcr.io")
