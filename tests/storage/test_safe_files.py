"""Nobody ever sees half a file, a power cut takes nothing away, and behind a stranger's link nothing is ours."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb.errors import TransportError
from ocinb.storage.safe_files import new_own_file, open_plain, read_small, settle, settle_folder


def leave(root: Path, *, age: float, kind: str = "new") -> Path:
    path = new_own_file(root, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.mark.parametrize("reason", [errno.EINVAL, errno.EROFS])
def test_a_file_system_that_cannot_settle_is_good_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(reason, "")))
    settle_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OSError, match="Input/output error"):
        settle(0)


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
