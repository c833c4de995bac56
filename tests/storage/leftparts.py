"""Parts that somebody left, in the name of whoever it shall have been."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from ocinb.spec.digest import Digest

DIGEST = Digest.of(b"a blob")
OTHER = Digest.of(b"another")
SIZE = 1000
TOKEN = "0123456789abcdef" * 2


def put(root: Path, name: str, content: bytes = b"old", *, age: float = 0.0) -> Path:
    path = root / ".ocinb" / "parts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return path


def name_of(owner: str, digest: Digest = DIGEST) -> str:
    return f"{digest.algorithm}-{digest.hex}.{owner}.part"


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid
