"""What people type leads to a path, and a name that is none is recognised as a file's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.errors import InvalidError
from ocinb.sources.name_lookup import MARKER, local_path, meant_file


def test_a_nul_is_no_part_of_a_path() -> None:
    with pytest.raises(InvalidError, match="is no path: it has a NUL in it"):
        local_path("folder\0elsewhere")
    with pytest.raises(InvalidError, match="is no path: it has half a character in it"):
        local_path("\ud800")


def test_a_file_that_may_be_meant_is_told_as_it_can_be_opened(tmp_path: Path) -> None:
    archive, layout = tmp_path / "app.tar.gz", tmp_path / "images"
    archive.touch()
    layout.mkdir()
    assert meant_file(str(layout)) is None, "a folder alone is no layout"
    (layout / MARKER).touch()
    assert meant_file(str(layout)) == f"oci:{layout}"
    assert meant_file(f"ocidir://{layout}") == f"oci:{layout}"
    assert meant_file(str(archive)) == f"docker-archive:{archive} or oci-archive:{archive}"
    assert meant_file("python:3.12") is None
