"""What was opened stays open for the next question, until it changes or others push it out."""

from __future__ import annotations

import gc
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocinb._pool import run_all
from ocinb._settings import Settings
from ocinb.errors import InvalidError
from ocinb.sources import local_files
from ocinb.sources.local import Contents
from ocinb.sources.local_files import KEPT_FILES, LocalFiles
from ocinb.sources.tar_index import TarIndex
from ocinb.spec.reference import Reference
from tests.localfiles import entry, layout_files, legacy_archive, members_of, tar_bytes, tiny_image, write_files

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


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_archive_is_looked_through_once(
    tmp_path: Path, files: LocalFiles, scans: list[str], pack: Callable[[bytes], bytes]
) -> None:
    reference = oci(tmp_path / "a.tar", ONE, pack=pack)
    contents = run_all(lambda _: files.open(reference), range(20), workers=8)
    assert len(set(map(id, contents))) == 1
    assert files.open(Reference(f"{reference}:0")) is contents[0]
    assert scans == [f"oci-archive:{tmp_path}/a.tar"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_one_that_changes_is_opened_anew(
    tmp_path: Path, files: LocalFiles, scans: list[str], pack: Callable[[bytes], bytes]
) -> None:
    reference = oci(tmp_path / "a.tar", ONE, pack=pack)
    before = files.open(reference)
    oci(tmp_path / "b.tar", TWO, pack=pack)
    (tmp_path / "b.tar").replace(tmp_path / "a.tar")
    assert [entry.describe().digest for entry in files.open(reference).entries.listed] == [TWO.manifest.digest]
    assert [entry.describe().digest for entry in before.entries.listed] == [ONE.manifest.digest]
    os.utime(tmp_path / "a.tar", ns=(0, 0))
    files.open(reference)
    assert len(scans) == 3


def test_the_same_file_by_another_transport_is_another(tmp_path: Path, files: LocalFiles) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes(legacy_archive([(ONE, ["one:1"])])))
    assert files.open(Reference(f"docker-archive:{path}")).entries.names == ["docker.io/library/one:1"]
    with pytest.raises(InvalidError, match="no image layout"):
        files.open(Reference(f"oci-archive:{path}"))


def test_one_that_failed_is_tried_again(tmp_path: Path, files: LocalFiles) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"text")
    with pytest.raises(InvalidError, match="no tar archive"):
        files.open(Reference(f"oci-archive:{path}"))
    assert files.open(oci(path, ONE)).entries.names == ["0"]


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


def test_one_that_is_read_stays_open_until_that_is_over(tmp_path: Path, files: LocalFiles) -> None:
    before = open_files()
    contents: Contents | None = files.open(oci(tmp_path / "a.tar", ONE, pack=gzip.compress))
    files.close()
    assert contents is not None
    found = contents.find(ONE.manifest.digest)
    assert found is not None
    assert b"".join(found.chunks()) == ONE.manifest.raw
    contents = found = None
    assert open_files() == before


def test_a_layout_is_read_again_only_when_its_index_changes(
    tmp_path: Path, files: LocalFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    open_layout = local_files._OPENERS["oci"]

    def counted(path: Path, where: str, settings: Settings) -> Contents:
        opened.append(path)
        return open_layout(path, where, settings)

    monkeypatch.setitem(local_files._OPENERS, "oci", counted)
    write_files(tmp_path, layout_files([ONE.manifest], [entry(ONE.manifest, "1")]))
    reference = Reference(f"oci:{tmp_path}")
    assert files.open(reference) is files.open(reference)
    (tmp_path / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"more")
    files.open(reference)
    assert len(opened) == 1
    write_files(tmp_path, layout_files([TWO.manifest], [entry(TWO.manifest, "22")]))
    assert files.open(reference).entries.names == ["22"]
    assert len(opened) == 2
