"""Only regular files are read, never behind a link, and reading leaves no trace of use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb.errors import TransportError
from ocinb.storage.safe_files import open_plain, read_small

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
