"""Only regular files are read, never behind a link, and reading leaves no trace of use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb.errors import InvalidError, TransportError
from ocinb.storage.safe_open import open_plain, open_regular_file, read_all, read_small


def test_a_file_is_read_and_was_not_used(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    old = time.time() - 10_000_000
    os.utime(path, (old, old))
    with open_plain(path) as file:
        assert read_all(file, 4) == b"0123"
    assert read_small(path, 10, "limit") == b"0123456789"
    assert path.stat().st_atime == pytest.approx(old)


OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link": (lambda path: path.symlink_to("/etc/hostname"), "it is a symbolic link"),
    "a folder": (Path.mkdir, "it is a folder"),
    "a fifo": (os.mkfifo, "it is neither a file nor a folder"),
}


@pytest.mark.parametrize(("make", "told"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_file_is_refused_and_not_waited_for(
    tmp_path: Path, make: Callable[[Path], object], told: str
) -> None:
    path = tmp_path / "other"
    make(path)
    with pytest.raises(OSError, match=told), open_plain(path):
        pass
    with pytest.raises(TransportError, match=told):
        read_small(path, 10, "limit")


@pytest.mark.parametrize(("make", "told"), OTHERS.values(), ids=OTHERS)
def test_what_is_put_there_between_two_looks_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], told: str
) -> None:
    path, file = tmp_path / "other", tmp_path / "file"
    file.write_bytes(b"")
    make(path)
    status = file.lstat()
    monkeypatch.setattr(Path, "lstat", lambda _: status)
    with pytest.raises(OSError, match=rf"{told}|Too many levels"), open_plain(path):
        pass


def test_a_small_file_that_is_not_there_is_none_and_a_large_one_an_error(tmp_path: Path) -> None:
    assert read_small(tmp_path / "none", 10, "limit") is None
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(InvalidError, match="large has 11 bytes, more than some_limit = 10"):
        read_small(tmp_path / "large", 10, "some_limit")


def test_a_file_of_somebody_else_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"theirs")
    opened = os.open

    def only_loudly(name: Path, flags: int) -> int:
        if flags & getattr(os, "O_NOATIME", 0):
            raise PermissionError(1, "Operation not permitted")
        return opened(name, flags)

    monkeypatch.setattr(os, "open", only_loudly)
    assert read_small(path, 10, "limit") == b"theirs"


def test_what_is_wanted_by_its_digest_may_stand_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with open_regular_file(tmp_path / "link") as file:
        assert read_all(file, 100) == b"content"
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "to a fifo").symlink_to(tmp_path / "fifo")
    for name in ("fifo", "to a fifo", "."):
        with pytest.raises(OSError, match="it is "):
            open_regular_file(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        open_regular_file(tmp_path / "none")
