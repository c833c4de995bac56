"""Locks bind threads and processes alike, give way in the end, and are no obstacle where they do not work."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb.errors import TransportError
from ocinb.storage.file_locks import locked, locked_if_free, shared

HOLD = """
import sys
from pathlib import Path
from ocinb.storage.file_locks import locked, shared

with {"locked": locked, "shared": shared}[sys.argv[2]](Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.mark.parametrize(("theirs", "free"), [("locked", False), ("shared", False), ("nothing", True)])
def test_whoever_wants_it_alone_learns_of_other_processes(path: Path, theirs: str, *, free: bool) -> None:
    if theirs == "nothing":
        with locked_if_free(path) as mine:
            assert mine is free
        return
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), theirs], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with locked_if_free(path) as mine:
            assert mine is free
        other.communicate()
    with locked_if_free(path) as mine:
        assert mine


def test_several_share_it(path: Path) -> None:
    with shared(path), shared(path), locked_if_free(path) as mine:
        assert not mine
    with locked_if_free(path) as mine:
        assert mine


@pytest.mark.parametrize(("want", "patience"), [(locked, "LOCK_SECONDS"), (shared, "CLEANUP_SECONDS")])
def test_who_waits_too_long_is_told(path: Path, monkeypatch: pytest.MonkeyPatch, want: type, patience: str) -> None:
    monkeypatch.setattr(f"ocinb.storage.file_locks.{patience}", 0.05)
    with locked(path), pytest.raises(TransportError, match="has held") as caught, want(path):
        pytest.fail("both have it")
    assert str(path) in str(caught.value)


def test_where_no_locks_work_nobody_can_be_sure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with shared(path), locked_if_free(path) as mine:
        assert mine is None


def test_where_no_file_can_be_nobody_is_told(tmp_path: Path) -> None:
    nowhere = tmp_path / "none" / "lock"
    with shared(nowhere), locked_if_free(nowhere) as mine:
        assert mine is None
    assert not nowhere.exists()


def test_a_lock_is_given_back_although_a_forked_process_has_the_file_open(path: Path) -> None:
    with locked(path):
        child = os.fork()
        if not child:
            time.sleep(60)  # it is killed long before
            os._exit(0)
    try:
        with locked_if_free(path) as mine:
            assert mine
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


FORKS_AND_DIES = """
import os, signal, sys
from pathlib import Path
from ocinb.storage.file_locks import locked, shared

with locked(Path(sys.argv[1])), shared(Path(sys.argv[2])):
    child = os.fork()
    if not child:
        print(os.getpid(), flush=True)  # not before it has let go of what it inherited
        sys.stdin.read()
        os._exit(0)
    signal.pause()
"""


def test_a_killed_process_holds_no_lock_in_those_that_were_forked_from_it(path: Path) -> None:
    other = path.with_name("other")
    with subprocess.Popen(
        [sys.executable, "-c", FORKS_AND_DIES, str(path), str(other)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
        process.wait()
        os.kill(child, 0)  # it is there
        with locked_if_free(path) as alone, locked_if_free(other) as alone_too:
            assert (alone, alone_too) == (True, True)
        process.communicate()


@pytest.mark.parametrize("plant", [os.mkfifo, lambda path: path.symlink_to(path.with_name("precious"))])
def test_what_a_stranger_put_in_the_place_of_a_lock_is_neither_waited_for_nor_made(
    path: Path, plant: Callable[[Path], None]
) -> None:
    plant(path)
    with shared(path), locked_if_free(path) as mine:
        assert mine is None
    with pytest.raises(OSError, match=r"No such device|Too many levels"), locked(path):
        pytest.fail("it is no file")
    assert not path.with_name("precious").exists()


def test_where_no_locks_are_nobody_is_kept_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "No locks available")))
    inside = []
    with locked(path), locked(path), shared(path), locked_if_free(path) as free:
        inside.append(free)
    assert inside == [None]
