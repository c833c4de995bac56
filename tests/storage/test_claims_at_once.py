"""Of those who want a blob in the same moment one goes first, wherever each is held up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.storage.blob_locks import TakenError, lock_part
from tests.storage.leftparts import DIGEST, SIZE

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


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb.storage.blob_locks.STALLED_SECONDS", 600.0)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    others = []

    def come(hold: str = "") -> Other:
        others.append(Other(tmp_path, hold))
        return others[-1]

    yield come
    for other in others:
        other.process.kill()
        other.ends()


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
