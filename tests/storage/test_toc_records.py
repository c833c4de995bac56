"""Records of tables of contents are believed for the layer and the promise that they speak of, or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb.spec.digest import Digest
from ocinb.storage.toc_records import look_up_end, note_end, record_path

LAYER, OTHER = Digest.of(b"layer"), Digest.of(b"other", "sha512")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "store"
    root.mkdir()
    return root


@pytest.mark.parametrize(
    "harm",
    [
        lambda raw: raw.replace(b"10", b"11"),
        lambda raw: raw.replace(b"one", b"two"),
        lambda raw: raw[:-1],
        lambda _: b"",
        lambda _: b"[]",
        lambda _: b"7",
        lambda _: b"\xff",
        lambda _: b"[" * 10_000,
        lambda raw: raw + b" " * 70_000 + b"x",
        lambda raw: json.dumps({**json.loads(raw), "found": ["one"]}).encode(),
        lambda raw: json.dumps({"found": json.loads(raw)["found"]}).encode(),
    ],
)
def test_a_record_that_was_damaged_is_none_and_is_written_anew(root: Path, harm: Callable[[bytes], bytes]) -> None:
    note_end(root, LAYER, "one", 10)
    path = record_path(root, LAYER)
    path.write_bytes(harm(path.read_bytes()))
    assert [look_up_end(root, LAYER, promise) for promise in ("one", "two")] == [None, None]
    note_end(root, LAYER, "one", 10)
    assert look_up_end(root, LAYER, "one") == 10


def test_a_record_that_is_read_is_of_use(root: Path) -> None:
    note_end(root, LAYER, "one", 10)
    path = record_path(root, LAYER)
    os.utime(path, (1, 1))
    assert look_up_end(root, LAYER, "one") == 10
    assert path.stat().st_atime > 1


@pytest.mark.parametrize("linked", ["index", "index/sha256", "index/sha256/{}.toc"])
def test_nothing_is_read_from_behind_a_link_or_written_there(root: Path, tmp_path: Path, linked: str) -> None:
    note_end(root, LAYER, "one", 10)
    path, elsewhere = root / linked.format(LAYER.hex), tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert look_up_end(root, LAYER, "one") is None
    before = {file: file.read_bytes() for file in [elsewhere, *elsewhere.rglob("*")] if file.is_file()}
    note_end(root, LAYER, "two", 20)
    assert {file: file.read_bytes() for file in [elsewhere, *elsewhere.rglob("*")] if file.is_file()} == before
