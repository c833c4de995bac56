"""What stands among the blobs is found as what it is, and nothing behind a link."""

from __future__ import annotations

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


@pytest.mark.parametrize("linked", ["blobs", "blobs/sha256"])
def test_a_linked_folder_is_told_of_and_nothing_behind_it(tmp_path: Path, linked: str) -> None:
    put(tmp_path / "layout", f"sha256/{HEX}")
    (tmp_path / "layout" / linked).rename(tmp_path / "elsewhere")
    (tmp_path / "layout" / linked).symlink_to(tmp_path / "elsewhere")
    [found] = walk_shelves(tmp_path / "layout")
    assert (found.path, found.digest, found.may_go) == (tmp_path / "layout" / linked, None, False)
    assert find_blob(tmp_path / "layout" / "blobs" / "sha256" / HEX) is None
