"""Nobody ever sees half a file, a power cut takes nothing away, and behind a stranger's link nothing is ours."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from ocinb.storage.atomic_files import (
    LEFTOVER_SECONDS,
    is_real_folder,
    new_own_file,
    own_files,
    remove_leftovers,
    settle,
    settle_folder,
    write_atomically,
)


def leave(root: Path, *, age: float, kind: str = "new") -> Path:
    path = new_own_file(root, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "index.json"
    write_atomically(path, b"old", root=tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new", root=tmp_path)
    assert [entry.name for entry in tmp_path.rglob("*") if entry.is_file()] == ["index.json"]
    assert path.read_bytes() == b"old"


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(tmp_path / "index.json", b"old", root=tmp_path)
    steps: list[str] = []
    replaced, synced = Path.replace, os.fsync

    def replace(self: Path, other: Path) -> Path:
        steps.append("moved")
        return replaced(self, other)

    def sync(file: int) -> None:
        steps.append("folder" if os.path.samestat(os.fstat(file), tmp_path.stat()) else "file")
        synced(file)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(os, "fsync", sync)
    write_atomically(tmp_path / "index.json", b"new", root=tmp_path)
    assert steps == ["file", "moved", "folder", "file"], "the last is the folder above"
    write_atomically(tmp_path / "other", b"not settled", root=tmp_path, settled=False)
    assert steps[4:] == ["moved"]


@pytest.mark.parametrize("reason", [errno.EINVAL, errno.EROFS])
def test_a_file_system_that_cannot_settle_is_good_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(reason, "")))
    settle_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OSError, match="Input/output error"):
        settle(0)


def test_leftovers_go_when_they_are_old(tmp_path: Path) -> None:
    young, old = leave(tmp_path, age=LEFTOVER_SECONDS - 60), leave(tmp_path, age=LEFTOVER_SECONDS + 60)
    somebodys = leave(tmp_path, age=LEFTOVER_SECONDS + 60).rename(old.with_name("notes.txt"))
    remove_leftovers(tmp_path)
    assert [path.exists() for path in (young, old, somebodys)] == [True, False, True]


@pytest.mark.parametrize("linked", [".ocinb", ".ocinb/new"])
def test_behind_a_link_in_the_place_of_our_folder_nothing_is_ours(tmp_path: Path, linked: str) -> None:
    root, theirs = tmp_path / "layout", tmp_path / "theirs"
    root.mkdir()
    precious = leave(theirs, age=2 * LEFTOVER_SECONDS)
    (root / linked).parent.mkdir(exist_ok=True)
    (root / linked).symlink_to(theirs / linked)
    assert own_files(root, "new") == []
    remove_leftovers(root)
    assert precious.exists()


def test_a_link_or_a_folder_is_no_file_of_ours(tmp_path: Path) -> None:
    own = leave(tmp_path, age=0)
    new_own_file(tmp_path, "new").symlink_to(own)
    new_own_file(tmp_path, "new").mkdir()
    assert own_files(tmp_path, "new") == [own]
    assert own_files(tmp_path, "none") == []


def test_a_link_to_a_folder_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    names = ("link", "none", ".")
    assert [is_real_folder(tmp_path / name) for name in names] == [False, False, True]
