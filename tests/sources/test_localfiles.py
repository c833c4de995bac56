"""What was opened stays open for the next question, until it changes or others push it out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import Settings
from ocinb.sources.local_files import KEPT_FILES, LocalFiles
from ocinb.sources.tar_index import TarIndex
from ocinb.spec.reference import Reference
from tests.localfiles import entry, layout_files, members_of, tar_bytes, tiny_image

ONE, TWO = tiny_image("one"), tiny_image("two")


@pytest.fixture
def files() -> LocalFiles:
    return LocalFiles(Settings())


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count how often an archive is looked through."""
    scanned: list[str] = []

    class Counted(TarIndex):
        def __init__(self, archive: Any, settings: Settings) -> None:
            scanned.append(archive.file.where)
            super().__init__(archive, settings)

    monkeypatch.setattr("ocinb.sources.layout.TarIndex", Counted)
    return scanned


def oci(path: Path, *images: Any, pack: Callable[[bytes], bytes] = bytes) -> Reference:
    listed = [image.manifest for image in images]
    files = layout_files(listed, [entry(manifest, str(place)) for place, manifest in enumerate(listed)])
    path.write_bytes(pack(tar_bytes(members_of(files))))
    return Reference(f"oci-archive:{path}")


def open_files() -> int:
    gc.collect()
    return len(list(Path("/dev/fd").iterdir()))


def test_those_that_nobody_asks_for_are_closed(tmp_path: Path, files: LocalFiles, scans: list[str]) -> None:
    before = open_files()
    references = [oci(tmp_path / f"{number}.tar", ONE) for number in range(KEPT_FILES + 4)]
    for reference in references:
        files.open(reference)
        files.open(references[0])
    assert open_files() == before + KEPT_FILES
    assert scans.count(f"oci-archive:{tmp_path}/0.tar") == 1, "it was asked for all the time"
    files.close()
    assert open_files() == before
