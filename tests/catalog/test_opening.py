"""What is opened is a file of DuckDB, once in a process by whatever name, and writers wait longer than who asks."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocinb
from ocinb.catalog import open_file
from ocinb.errors import InvalidError


def test_where_nobody_says_what_is_open_duckdb_looks_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_file, "_OPEN_FILES", tmp_path / "nowhere")
    assert len(ocinb.Catalog(tmp_path / "kept.duckdb").sql("FROM images")) == 0
    (tmp_path / "other").write_text("no database at all")
    with pytest.raises(InvalidError, match="other cannot be opened as a catalogue"):
        ocinb.Catalog(tmp_path / "other")


def linked(tmp_path: Path) -> tuple[Path, Path]:
    path, link = tmp_path / "kept.duckdb", tmp_path / "link"
    ocinb.Catalog(path)
    link.symlink_to(path)
    return path, link
