"""What stands among the blobs is found as what it is, and nothing behind a link."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from ocinb.spec.digest import Digest
from ocinb.storage.blobs import find_blob, walk_shelves

HEX = "0" * 64
DIGEST = Digest(f"sha256:{HEX}")


def put(root: Path, place: str) -> Path:
    path = root / "blobs" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"content")
    return path


def test_where_nothing_is_nothing_is_found(tmp_path: Path) -> None:
    assert list(walk_shelves(tmp_path)) == []
    assert find_blob(tmp_path / "blobs" / "sha256" / HEX) is None
    (tmp_path / "file").write_bytes(b"no layout")
    assert list(walk_shelves(tmp_path / "file")) == []


def test_a_blob_is_one_by_its_name_and_by_being_a_file(tmp_path: Path) -> None:
    put(tmp_path, f"sha256/{HEX}")
    put(tmp_path, "sha256/notes.txt")
    put(tmp_path, "sha512/short")
    (tmp_path / "blobs" / "sha256" / ("1" * 64)).mkdir()
    (tmp_path / "blobs" / "sha256" / ("2" * 64)).symlink_to("/etc/hostname")
    told = {found.path.name[:5]: (found.is_blob, found.may_go) for found in walk_shelves(tmp_path)}
    assert told == {
        "00000": (True, True),
        "notes": (False, False),
        "short": (False, False),
        "11111": (False, False),
        "22222": (False, True),
    }
    for found in walk_shelves(tmp_path):
        assert (find_blob(found.path) is not None) is (not stat.S_ISDIR(found.status.st_mode))


@pytest.mark.parametrize("linked", ["blobs", "blobs/sha256"])
def test_a_linked_folder_is_told_of_and_nothing_behind_it(tmp_path: Path, linked: str) -> None:
    put(tmp_path / "layout", f"sha256/{HEX}")
    (tmp_path / "layout" / linked).rename(tmp_path / "elsewhere")
    (tmp_path / "layout" / linked).symlink_to(tmp_path / "elsewhere")
    [found] = walk_shelves(tmp_path / "layout")
    assert (found.path, found.digest, found.may_go) == (tmp_path / "layout" / linked, None, False)
    assert find_blob(tmp_path / "layout" / "blobs" / "sha256" / HEX) is None


def test_who_looks_while_all_is_removed_finds_less_and_fails_at_nothing(tmp_path: Path) -> None:
    put(tmp_path, f"sha256/{HEX}")
    put(tmp_path, f"sha512/{HEX}{HEX}")
    found = walk_shelves(tmp_path)
    assert next(found).digest == DIGEST
    shutil.rmtree(tmp_path / "blobs")
    assert list(found) == []


def test_the_order_is_steady(tmp_path: Path) -> None:
    for name in "cab":
        put(tmp_path, f"sha256/{name}")
    assert [found.path.name for found in walk_shelves(tmp_path)] == ["a", "b", "c"]
