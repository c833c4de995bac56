"""Nobody ever sees half a file, a power cut takes nothing away, and behind a stranger's link nothing is ours."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from ocinb.storage.safe_files import (
    new_own_file,
    settle,
    settle_folder,
)


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
