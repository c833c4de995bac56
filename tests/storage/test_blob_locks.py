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
from ocinb.errors import TransportError
from ocinb.spec.digest import Digest
from ocinb.storage.blob_locks import OPENING_SECONDS, TakenError, lock_part
from ocinb.storage.file_locks import locked, shared
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


# Stops where it is told to, until there is a line for it, and says what it found when it is its turn.
COME = """
import sys
from pathlib import Path
from ocinb.spec.digest import Digest
from ocinb.storage import blob_locks
from ocinb.storage.blob_locks import lock_part

blob_locks.STALLED_SECONDS = 600.0  # who stands still may be the machine

def say_and_wait(word):
    print(word, flush=True)
    sys.stdin.readline()

rename = Path.rename
if sys.argv[3] == "numbering":
    Path.rename = lambda *paths: (say_and_wait("numbering"), rename(*paths))[1]
with lock_part(Path(sys.argv[1]), Digest(sys.argv[2]), 1000, waiting=lambda _: print("waiting", flush=True)) as part:
    say_and_wait(f"found {part.path.read_bytes().decode()}")
    part.file.write(b"theirs")
"""

Start = Callable[..., "Other"]


class Other:
    """Another process that wants the same blob."""

    def __init__(self, root: Path, hold: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COME, str(root), DIGEST, hold],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == word

    def goes_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ends(self, size: int = 0) -> None:
        """Have it write and end; what it has written then is told once more to who waits."""
        if not size:
            self.process.communicate()


def before(monkeypatch: pytest.MonkeyPatch, method: str, act: Callable[[], object]) -> None:
    """Do something in the moment before this process does something to a file, the first time."""
    todo, does = [act], getattr(Path, method)

    def held_up(path: Path, *args: object, **options: object) -> object:
        while todo:
            todo.pop()()
        return does(path, *args, **options)

    monkeypatch.setattr(Path, method, held_up)


def draw(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """Choose who goes first of two with one number."""
    monkeypatch.setattr("ocinb.storage.blob_locks.secrets.token_hex", lambda _: token)


def test_who_was_held_up_until_his_part_was_taken_has_no_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def take() -> None:
        for part in (tmp_path / ".ocinb" / "parts").iterdir():
            part.unlink()

    before(monkeypatch, "rename", take)
    with pytest.raises(TakenError, match="took over"), lock_part(tmp_path, DIGEST, SIZE):
        pytest.fail("it has no file by that name")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.mark.parametrize(("want", "patience"), [(locked, "LOCK_SECONDS"), (shared, "CLEANUP_SECONDS")])
def test_who_waits_too_long_is_told(path: Path, monkeypatch: pytest.MonkeyPatch, want: type, patience: str) -> None:
    monkeypatch.setattr(f"ocinb.storage.file_locks.{patience}", 0.05)
    with locked(path), pytest.raises(TransportError, match="has held") as caught, want(path):
        pytest.fail("both have it")
    assert str(path) in str(caught.value)
