"""A part has one owner at a time; one whose owner is gone goes to the next."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from ocinb.spec.digest import Digest
from ocinb.storage.parts import _HOST, ABANDONED_SECONDS, claim_part

DIGEST = Digest.of(b"a blob")
OTHER = Digest.of(b"another")
HOLD = """
import sys
from pathlib import Path
from ocinb.spec.digest import Digest
from ocinb.storage.parts import claim_part

with claim_part(Path(sys.argv[1]), Digest(sys.argv[2])) as part:
    print(part.read_bytes() if part.exists() else b"", flush=True)
    with part.open("ab") as file:
        file.write(b"theirs")
    print("written", flush=True)
    sys.stdin.read()
"""


def leave(root: Path, content: bytes, digest: Digest = DIGEST) -> Path:
    with claim_part(root, digest) as part:
        part.write_bytes(content)
    return part


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


def test_what_was_left_is_taken_up(tmp_path: Path) -> None:
    left = leave(tmp_path, b"half")
    with claim_part(tmp_path, DIGEST) as part:
        assert part.read_bytes() == b"half"
        assert not left.exists()


def test_another_digest_begins_anew(tmp_path: Path) -> None:
    leave(tmp_path, b"half")
    with claim_part(tmp_path, OTHER) as part:
        assert not part.exists()


def test_nobody_else_in_this_process_gets_a_part_in_use(tmp_path: Path) -> None:
    with ExitStack() as stack:
        parts = [stack.enter_context(claim_part(tmp_path, DIGEST)) for _ in range(3)]
        for number, part in enumerate(parts):
            assert not part.exists()
            part.write_bytes(bytes(number))
        assert len(set(parts)) == 3


def test_the_longest_part_is_taken(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{_HOST}.{dead_pid()}.0"), b"short")
    put(tmp_path, name_of(f"{_HOST}.{dead_pid()}.1"), b"the longest")
    put(tmp_path, name_of(f"{_HOST}.{dead_pid()}.2"), b"longer")
    with claim_part(tmp_path, DIGEST) as part:
        assert part.read_bytes() == b"the longest"


@pytest.mark.parametrize(
    ("owner", "age", "taken"),
    [
        ("{host}.{dead}.0", 0, True),
        ("{host}.{alive}.0", 0, False),
        ("{host}.{alive}.0", 10 * ABANDONED_SECONDS, False),
        ("{host}.{own}.999999", 0, True),
        ("{host}.1.0", 0, False),
        ("elsewhere.{dead}.0", 0, False),
        ("elsewhere.{alive}.0", ABANDONED_SECONDS + 60, True),
        ("{host}", 10 * ABANDONED_SECONDS, False),
        ("{host}.x.0", 10 * ABANDONED_SECONDS, False),
        ("{host}.99999999999999999999.0", 10 * ABANDONED_SECONDS, False),
    ],
)
def test_a_part_is_taken_from_the_dead_only(tmp_path: Path, owner: str, age: float, taken: bool) -> None:  # noqa: FBT001 - a row
    name = owner.format(host=_HOST, dead=dead_pid(), alive=os.getppid(), own=os.getpid())
    found = put(tmp_path, name_of(name), age=age)
    with claim_part(tmp_path, DIGEST) as part:
        assert part.exists() is taken
        assert found.exists() is not taken


def test_the_part_of_a_living_process_is_not_taken_and_that_of_a_killed_one_is(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{_HOST}.{dead_pid()}.0"), b"ours ")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), DIGEST], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"b'ours '"
        assert process.stdout.readline().strip() == b"written"
        with claim_part(tmp_path, DIGEST) as part:
            assert not part.exists()
        process.kill()
        process.wait()
        with claim_part(tmp_path, DIGEST) as part:
            assert part.read_bytes() == b"ours theirs"


def test_of_many_who_want_a_dead_ones_part_one_gets_it(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{_HOST}.{dead_pid()}.0"), b"half")
    got: list[bytes] = []
    barrier = threading.Barrier(8)

    def claim() -> None:
        barrier.wait()
        with claim_part(tmp_path, DIGEST) as part:
            got.append(part.read_bytes() if part.exists() else b"")
            barrier.wait()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [b""] * 7 + [b"half"]


def test_of_many_processes_one_gets_it(tmp_path: Path) -> None:
    put(tmp_path, name_of(f"{_HOST}.{dead_pid()}.0"), b"half")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path), DIGEST], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    first_lines = [process.stdout.readline().strip() for process in processes if process.stdout]
    for process in processes:
        process.communicate()
    assert sorted(first_lines) == [b"b''", b"b''", b"b'half'"]


def test_a_part_that_was_moved_away_is_no_error(tmp_path: Path) -> None:
    with claim_part(tmp_path, DIGEST) as part:
        part.write_bytes(b"whole")
        part.rename(tmp_path / "blob")
    with claim_part(tmp_path, DIGEST) as part:
        assert not part.exists()
