"""A part has one owner at a time; one whose owner is gone goes to the next."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb._pool import StoppedError
from ocinb.spec.digest import Digest
from ocinb.storage.blob_locks import OPENING_SECONDS, lock_part
from ocinb.storage.partial_downloads import ABANDONED_SECONDS, HOST, remove_abandoned
from tests.storage.leftparts import DIGEST, SIZE, TOKEN, dead_pid, name_of, put

HOLD = """
import sys
from pathlib import Path
from ocinb.spec.digest import Digest
from ocinb.storage import blob_locks
from ocinb.storage.blob_locks import lock_part

blob_locks.STALLED_SECONDS = 600.0  # who stands still may be the machine
with lock_part(Path(sys.argv[1]), Digest(sys.argv[2]), 1000) as part:
    print(part.waited, part.path.read_bytes(), flush=True)
    part.file.write(b"theirs")
    part.file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


def leave(root: Path, content: bytes, digest: Digest = DIGEST) -> Path:
    with lock_part(root, digest, SIZE) as part:
        part.file.write(content)
        part.file.flush()
    return part.path


def start(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root), DIGEST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def hold(root: Path, says: str) -> subprocess.Popen[str]:
    """Start a process that owns a part and has written into it."""
    process = start(root)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == says
    assert process.stdout.readline().strip() == "written"
    return process


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb.storage.blob_locks.STALLED_SECONDS", 600.0)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb.storage.blob_locks.STALLED_SECONDS", 0.1)


@pytest.mark.usefixtures("_impatient")
def test_the_part_of_a_living_process_is_not_taken_and_that_of_a_killed_one_is(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"), b"ours ")
    process = hold(tmp_path, "False b'ours '")
    with lock_part(tmp_path, DIGEST, SIZE) as part:
        assert (part.waited, part.path.read_bytes()) == (True, b"")
    process.kill()
    process.communicate()
    with lock_part(tmp_path, DIGEST, SIZE) as part:
        assert (part.waited, part.path.read_bytes()) == (False, b"ours theirs")


def test_what_was_not_copied_to_its_end_is_copied_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"), b"half")
    before = left.stat().st_ino
    with monkeypatch.context() as patch:
        patch.setattr("ocinb.storage.blob_locks.check_stopped", lambda: (_ for _ in ()).throw(StoppedError()))
        with pytest.raises(StoppedError):
            leave(tmp_path, b"never written")
    [remains] = left.parent.iterdir()
    assert (remains.stat().st_ino, remains.read_bytes()) == (before, b"half")
    with lock_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes() == b"half"
        assert part.path.stat().st_ino != before, "a file that another process may write into"


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("owner", ["{host}.{dead}.{token}", "{host}.{own}.{token}", "elsewhere.1.{token}"])
def test_a_part_that_is_locked_is_not_taken_whoever_seems_to_own_it(tmp_path: Path, owner: str) -> None:
    name = owner.format(host=HOST, dead=dead_pid(), own=os.getpid(), token=TOKEN)
    found = put(tmp_path, name_of(name), age=10 * ABANDONED_SECONDS)
    with found.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with lock_part(tmp_path, DIGEST, SIZE) as part:
            assert part.path.read_bytes() == b""
        remove_abandoned(tmp_path, DIGEST)
        assert found.exists()
    with lock_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes()


def test_a_number_that_runs_is_believed_where_no_lock_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "No locks available")))
    put(tmp_path, name_of(f"{HOST}.{os.getppid()}.{TOKEN}"), age=10 * ABANDONED_SECONDS)
    with lock_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes() == b""


@pytest.mark.parametrize("plant", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/hostname")])
def test_what_a_stranger_put_in_the_place_of_a_part_is_none(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    planted = put(tmp_path, name_of(f"elsewhere.1.{TOKEN}"), age=2 * ABANDONED_SECONDS)
    planted.unlink()
    plant(planted)
    with lock_part(tmp_path, DIGEST, 10_000) as part:
        assert part.path.read_bytes() == b""
        part.file.write(b"all of it")
    remove_abandoned(tmp_path, DIGEST)
    assert Path("/etc/hostname").exists()


def test_what_somebody_opened_who_was_killed_then_holds_up_nobody(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{HOST}.{os.getppid()}.{'0' * 32}"), b"", age=OPENING_SECONDS + 5)
    told: list[int] = []
    with lock_part(tmp_path, DIGEST, SIZE, waiting=told.append) as part:
        assert (told, part.waited) == ([], False)
