"""That a registry asks is remembered by an empty file, and forgotten without harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.storage.responses import is_asking, note_asking


@pytest.mark.parametrize("registry", ["../../escape", "a/b", "x" * 5000, "\udcff", "\0"])
def test_a_name_is_no_path(tmp_path: Path, registry: str) -> None:
    note_asking(tmp_path / "cache", registry)
    assert is_asking(tmp_path / "cache", registry)
    assert {path.parent.name for path in tmp_path.rglob("*") if path.is_file()} == {"asking"}


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    note_asking(tmp_path / "file", "ghcr.io")
    assert not is_asking(tmp_path / "file", "ghcr.io")
