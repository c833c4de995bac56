"""A part has one owner at a time; one whose owner is gone goes to the next."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from ocinb._pool import StoppedError, run_all
from ocinb.spec.digest import Digest
from ocinb.storage.blob_locks import OPENING_SECONDS, claim_part
from ocinb.storage.partial_downloads import ABANDONED_SECONDS, HOST, QUIET_SECONDS, remove_abandoned
from tests.patience import SECONDS
from tests.storage.leftparts import DIGEST, OTHER, SIZE, TOKEN, dead_pid, name_of, put

HOLD = """
import sys
from pathlib import Path
from ocinb.spec.digest import Digest
from ocinb.storage import blob_locks
from ocinb.storage.blob_locks import claim_part

blob_locks.STALLED_SECONDS = 600.0  # who stands still may be the machine
with claim_part(Path(sys.argv[1]), Digest(sys.argv[2]), 1000) as part:
    print(part.waited, part.path.read_bytes(), flush=True)
    part.file.write(b"theirs")
    part.file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


def leave(root: Path, content: bytes, digest: Digest = DIGEST) -> Path:
    with claim_part(root, digest, SIZE) as part:
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


def test_what_was_left_is_taken_up(tmp_path: Path) -> None:
    left = leave(tmp_path, b"half")
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes() == b"half"
        assert not left.exists()


def test_another_digest_begins_anew(tmp_path: Path) -> None:
    leave(tmp_path, b"half")
    with claim_part(tmp_path, OTHER, SIZE) as part:
        assert part.path.read_bytes() == b""


def test_nobody_else_in_this_process_gets_a_part_in_use(tmp_path: Path) -> None:
    with ExitStack() as stack:
        parts = [stack.enter_context(claim_part(tmp_path, DIGEST, SIZE)) for _ in range(3)]
        for number, part in enumerate(parts):
            assert part.path.read_bytes() == b""
            part.path.write_bytes(bytes(number))
        assert len({part.path for part in parts}) == 3


def test_the_longest_part_is_taken(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"), b"short")
    put(tmp_path, name_of(f"{HOST}.{dead_pid()}.1{TOKEN[1:]}"), b"the longest")
    put(tmp_path, name_of(f"{HOST}.{dead_pid()}.2{TOKEN[1:]}"), b"longer")
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes() == b"the longest"


@pytest.mark.parametrize(
    ("owner", "age", "taken"),
    [
        ("{host}.{dead}.{token}", 0, True),
        # Interrupted, or killed and not buried, or its number was given to another program.
        ("{host}.{alive}.{token}", QUIET_SECONDS + 60, True),
        ("{host}.{alive}.{token}", 0, False),  # or it has just been opened, or is locked where nobody is told
        ("{host}.{own}.{token}", 0, True),
        ("{host}.1.{token}", QUIET_SECONDS + 60, True),
        ("elsewhere.{dead}.{token}", 0, False),
        ("elsewhere.{alive}.{token}", ABANDONED_SECONDS + 60, True),
        ("elsewhere.{alive}.{token}", -ABANDONED_SECONDS - 60, True),  # a clock was set back
        ("{host}", 10 * ABANDONED_SECONDS, False),
        ("{host}.{dead}.0", 10 * ABANDONED_SECONDS, False),
        ("{host}.x.{token}", 10 * ABANDONED_SECONDS, False),
        ("{host}.99999999999999999999.{token}", 10 * ABANDONED_SECONDS, False),
    ],
)
def test_a_part_is_taken_from_the_dead_only(tmp_path: Path, owner: str, age: float, taken: bool) -> None:  # noqa: FBT001 - a row
    name = owner.format(host=HOST, dead=dead_pid(), alive=os.getppid(), own=os.getpid(), token=TOKEN)
    found = put(tmp_path, name_of(name), age=age)
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert bool(part.path.read_bytes()) is taken
        assert found.exists() is not taken


@pytest.mark.usefixtures("_impatient")
def test_the_part_of_a_living_process_is_not_taken_and_that_of_a_killed_one_is(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"), b"ours ")
    process = hold(tmp_path, "False b'ours '")
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert (part.waited, part.path.read_bytes()) == (True, b"")
    process.kill()
    process.communicate()
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert (part.waited, part.path.read_bytes()) == (False, b"ours theirs")


def test_of_many_who_want_a_dead_ones_part_one_gets_it(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"), b"half")
    got: list[bytes] = []
    barrier = threading.Barrier(8)

    def claim() -> None:
        barrier.wait()
        with claim_part(tmp_path, DIGEST, SIZE) as part:
            got.append(part.path.read_bytes())
            barrier.wait()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [b""] * 7 + [b"half"]


def test_of_many_processes_one_gets_it_and_the_next_waits_and_gets_it_from_there(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"), b"half")
    processes = [start(tmp_path) for _ in range(3)]
    deadline = time.monotonic() + SECONDS
    while len(list((tmp_path / ".ocinb" / "parts").glob(f"*.{HOST}.*"))) < 3 or list(tmp_path.glob(f"**/*{TOKEN}*")):
        assert time.monotonic() < deadline, "not all of them are there"
        time.sleep(0.01)
    said = []
    while processes:
        # Only one of them says something before it is told to end; which one nobody knows.
        ready, _, _ = select.select([process.stdout for process in processes if process.stdout], [], [])
        [first] = [process for process in processes if process.stdout in ready]
        said.append(first.communicate()[0].splitlines()[0].partition(" ")[2])
        processes.remove(first)
    assert said == ["b'half'", "b'halftheirs'", "b'halftheirstheirs'"]


def test_who_gets_on_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("ocinb.storage.blob_locks.time", SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep))
    process = hold(tmp_path, "False b''")
    [theirs] = (tmp_path / ".ocinb" / "parts").iterdir()

    def grow(size: int) -> None:
        now[0] += 500.0
        if size < len(b"theirs") + 12:
            with theirs.open("ab") as file:
                file.write(b".")
        else:
            process.kill()
            process.communicate()

    with claim_part(tmp_path, DIGEST, SIZE, waiting=grow) as part:
        assert now == [13 * 500.0]
        assert part.waited
        assert part.path.read_bytes() == b"theirs............"


def test_who_waits_is_told_how_far_the_other_one_is(tmp_path: Path) -> None:
    process, told = hold(tmp_path, "False b''"), []
    [theirs] = (tmp_path / ".ocinb" / "parts").iterdir()

    def listen(size: int) -> None:
        told.append(size)
        if size < 10:
            with theirs.open("ab") as file:
                file.write(b".")
        else:
            process.kill()
            process.communicate()

    with claim_part(tmp_path, DIGEST, SIZE, waiting=listen) as part:
        assert part.waited
    assert told == [6, 7, 8, 9, 10]
    with claim_part(tmp_path, OTHER, SIZE, waiting=listen):
        assert len(told) == 5, "nobody was waited for"


def test_a_stop_ends_the_waiting_and_leaves_nothing(tmp_path: Path) -> None:
    process = hold(tmp_path, "False b''")

    def fail(number: int) -> None:
        if number:
            time.sleep(0.1)
            raise RuntimeError
        with claim_part(tmp_path, DIGEST, SIZE):
            pytest.fail("the other has it")

    with pytest.raises(RuntimeError):
        run_all(fail, range(2), workers=2)
    assert process.poll() is None
    assert len(list((tmp_path / ".ocinb" / "parts").iterdir())) == 1
    process.communicate()


def test_a_part_that_was_moved_away_is_no_error(tmp_path: Path) -> None:
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        part.path.write_bytes(b"whole")
        part.path.rename(tmp_path / "blob")
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes() == b""


def test_one_goes_on_in_a_copy_of_what_another_process_left(tmp_path: Path) -> None:
    left = put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"), b"half")
    with left.open("ab", buffering=0) as theirs, claim_part(tmp_path, DIGEST, SIZE) as part:
        theirs.write(b"from beyond")
        assert part.path.read_bytes() == b"half"
        assert list(part.path.parent.iterdir()) == [part.path]


def test_one_goes_on_in_place_with_what_this_process_left(tmp_path: Path) -> None:
    before = leave(tmp_path, b"half").stat().st_ino
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.stat().st_ino == before


def test_what_was_not_copied_to_its_end_is_copied_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"), b"half")
    before = left.stat().st_ino
    with monkeypatch.context() as patch:
        patch.setattr("ocinb.storage.blob_locks.check_stopped", lambda: (_ for _ in ()).throw(StoppedError()))
        with pytest.raises(StoppedError):
            leave(tmp_path, b"never written")
    [remains] = left.parent.iterdir()
    assert (remains.stat().st_ino, remains.read_bytes()) == (before, b"half")
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes() == b"half"
        assert part.path.stat().st_ino != before, "a file that another process may write into"


def test_a_part_that_is_longer_than_the_blob_is_left_alone(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"), bytes(SIZE + 1))
    put(tmp_path, name_of(f"{HOST}.{dead_pid()}.1{TOKEN[1:]}"), bytes(SIZE))
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes() == bytes(SIZE)


def test_an_empty_part_is_not_kept(tmp_path: Path) -> None:
    assert not leave(tmp_path, b"").exists()


def test_names_never_meet_even_if_host_and_process_are_named_alike(tmp_path: Path) -> None:
    def draw() -> list[str]:
        script = (
            "import os, sys\n"
            "from pathlib import Path\n"
            "os.getpid = lambda: 7\n"
            "from ocinb.spec.digest import Digest\n"
            "from ocinb.storage.blob_locks import claim_part\n"
            "with claim_part(Path(sys.argv[1]), Digest(sys.argv[2]), 1) as part: print(part.path.name)\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), DIGEST], capture_output=True, text=True, check=True
        )
        return run.stdout.split()

    assert draw() != draw()


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("owner", ["{host}.{dead}.{token}", "{host}.{own}.{token}", "elsewhere.1.{token}"])
def test_a_part_that_is_locked_is_not_taken_whoever_seems_to_own_it(tmp_path: Path, owner: str) -> None:
    name = owner.format(host=HOST, dead=dead_pid(), own=os.getpid(), token=TOKEN)
    found = put(tmp_path, name_of(name), age=10 * ABANDONED_SECONDS)
    with found.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with claim_part(tmp_path, DIGEST, SIZE) as part:
            assert part.path.read_bytes() == b""
        remove_abandoned(tmp_path, DIGEST)
        assert found.exists()
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes()


def test_where_no_locks_are_one_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "No locks available")))
    found = put(tmp_path, name_of(f"{HOST}.{dead_pid()}.{TOKEN}"))
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes() == b"old"
        assert not found.exists()


def test_a_number_that_runs_is_believed_where_no_lock_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "No locks available")))
    put(tmp_path, name_of(f"{HOST}.{os.getppid()}.{TOKEN}"), age=10 * ABANDONED_SECONDS)
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        assert part.path.read_bytes() == b""


@pytest.mark.parametrize("plant", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/hostname")])
def test_what_a_stranger_put_in_the_place_of_a_part_is_none(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    planted = put(tmp_path, name_of(f"elsewhere.1.{TOKEN}"), age=2 * ABANDONED_SECONDS)
    planted.unlink()
    plant(planted)
    with claim_part(tmp_path, DIGEST, 10_000) as part:
        assert part.path.read_bytes() == b""
        part.file.write(b"all of it")
    remove_abandoned(tmp_path, DIGEST)
    assert Path("/etc/hostname").exists()


@pytest.mark.usefixtures("_impatient")
def test_a_forked_process_takes_nothing_of_the_other_for_its_own(tmp_path: Path) -> None:
    left = leave(tmp_path, b"half", OTHER)
    with claim_part(tmp_path, DIGEST, SIZE) as part:
        part.file.write(b"from here")
        child = os.fork()
        if not child:
            part.file.write(b"from there")
            with claim_part(tmp_path, OTHER, SIZE), claim_part(tmp_path, DIGEST, SIZE) as theirs:
                os._exit(left.exists() + 2 * theirs.waited)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 3, "it moved the one, or did not wait for the other"
        assert part.path.read_bytes() == b"from here"


@pytest.mark.parametrize("ends", [True, False], ids=["who then ends", "who never locks it"])
def test_who_opened_a_part_before_and_has_not_locked_it_yet_goes_first(tmp_path: Path, *, ends: bool) -> None:
    theirs = put(tmp_path, name_of(f"{HOST}.{os.getppid()}.{'0' * 32}"), b"")
    told: list[int] = []

    def wait(size: int) -> None:
        told.append(size)
        if ends:
            theirs.unlink()

    with claim_part(tmp_path, DIGEST, SIZE, waiting=wait) as part:
        assert told == [0]
        assert part.waited


def test_what_was_opened_by_somebody_whose_lock_reaches_nobody_is_not_taken_when_he_has_begun(tmp_path: Path) -> None:
    theirs = put(tmp_path, name_of(f"{HOST}.{os.getppid()}.{'0' * 32}"), b"")
    with claim_part(tmp_path, DIGEST, SIZE, waiting=lambda _: theirs.write_bytes(b"theirs")) as part:
        assert part.path.read_bytes() == b""
        assert theirs.read_bytes() == b"theirs"


def test_what_somebody_opened_who_was_killed_then_holds_up_nobody(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{HOST}.{os.getppid()}.{'0' * 32}"), b"", age=OPENING_SECONDS + 5)
    told: list[int] = []
    with claim_part(tmp_path, DIGEST, SIZE, waiting=told.append) as part:
        assert (told, part.waited) == ([], False)
