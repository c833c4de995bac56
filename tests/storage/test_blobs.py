"""A file stands under its digest when its bytes are right, and what is wrong is noticed and removed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb.errors import IntegrityError, TransportError
from ocinb.spec.digest import Digest, Verifier
from ocinb.storage.blobs import SETTLED_SECONDS, SMALL, Blobs, looks

RAW = b"the bytes of a blob"
DIGEST = Digest.of(RAW)
LIMIT = 1000
LONG = b"long enough for a note" * 20_000
assert len(LONG) > SMALL
LONG_DIGEST = Digest.of(LONG)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "store")


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_what_is_written_is_read(blobs: Blobs, algorithm: str) -> None:
    digest = Digest.of(RAW, algorithm)
    assert blobs.read(digest, LIMIT) is None
    path = blobs.write(RAW, digest)
    assert path == blobs.root / "blobs" / algorithm / digest.hex
    assert blobs.read(digest, LIMIT) == RAW
    assert [entry.name for entry in path.parent.iterdir()] == [digest.hex]


def test_wrong_bytes_are_never_written(blobs: Blobs) -> None:
    with pytest.raises(IntegrityError, match=DIGEST):
        blobs.write(b"others", DIGEST)
    assert not blobs.path(DIGEST).exists()


def test_a_damaged_file_is_noticed_removed_and_logged(blobs: Blobs, caplog: pytest.LogCaptureFixture) -> None:
    path = blobs.write(RAW, DIGEST)
    path.write_bytes(RAW[::-1])
    with caplog.at_level(logging.WARNING, "ocinb"):
        assert blobs.read(DIGEST, LIMIT) is None
    assert not path.exists()
    assert DIGEST in caplog.text


def test_a_file_beyond_the_limit_is_not_read_and_not_removed(blobs: Blobs) -> None:
    path = blobs.write(RAW, DIGEST)
    assert blobs.read(DIGEST, len(RAW) - 1) is None
    assert path.read_bytes() == RAW


@pytest.mark.parametrize("damage", [b"", RAW[:5], RAW * 1000, RAW[::-1]])
def test_writing_mends_a_damaged_file(blobs: Blobs, damage: bytes) -> None:
    path = blobs.write(RAW, DIGEST)
    path.write_bytes(damage)
    blobs.write(RAW, DIGEST)
    assert path.read_bytes() == RAW


def test_what_is_there_is_not_written_again(blobs: Blobs) -> None:
    path = blobs.write(RAW, DIGEST)
    before = path.stat().st_ino
    blobs.write(RAW, DIGEST)
    assert path.stat().st_ino == before


def arrive(blobs: Blobs, raw: bytes = RAW) -> Path:
    part = blobs.root / "part"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(raw)
    return blobs.adopt(part, Digest.of(raw))


def test_a_file_that_was_adopted_is_held_without_being_read(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    path = arrive(blobs, LONG)
    assert path == blobs.path(LONG_DIGEST)
    assert not (blobs.root / "part").exists()
    monkeypatch.setattr(Blobs, "_proves_right", lambda *_: pytest.fail("it was hashed again"))
    assert blobs.holds(LONG_DIGEST, len(LONG))


def test_a_small_file_is_hashed_each_time_and_has_no_note(blobs: Blobs) -> None:
    before = arrive(blobs).stat()
    assert blobs.holds(DIGEST, len(RAW))
    assert not list(blobs.root.glob(".ocinb/verified/*/*"))
    blobs.path(DIGEST).write_bytes(RAW[::-1])
    os.utime(blobs.path(DIGEST), ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not blobs.holds(DIGEST, len(RAW))


def test_nothing_is_held_that_is_not_there(blobs: Blobs) -> None:
    assert not blobs.holds(DIGEST, len(RAW))
    arrive(blobs).unlink()
    assert not blobs.holds(DIGEST, len(RAW)), "a note alone is no blob"


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("damage", [b"", RAW[:-1], RAW + b"!", RAW[::-1]])
def test_a_damaged_file_is_not_held_and_goes(blobs: Blobs, damage: bytes, full: bool) -> None:  # noqa: FBT001 - a row
    path = arrive(blobs)
    path.write_bytes(damage)
    assert not blobs.holds(DIGEST, len(RAW), full=full)
    assert not path.exists()


def test_damage_that_keeps_size_and_time_is_found_by_full(blobs: Blobs) -> None:
    path = arrive(blobs, LONG)
    before = path.stat()
    path.write_bytes(LONG[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert blobs.holds(LONG_DIGEST, len(LONG))
    assert not blobs.holds(LONG_DIGEST, len(LONG), full=True)


@pytest.mark.parametrize("note", [None, b"", b"\xff\xfe\x00 no text", b"1 2 3"])
def test_without_a_sound_note_a_file_is_hashed_again(blobs: Blobs, note: bytes | None) -> None:
    path = arrive(blobs, LONG)
    [noted] = (blobs.root / ".ocinb" / "verified").rglob(LONG_DIGEST.hex)
    if note is None:
        noted.unlink()
    else:
        noted.write_bytes(note)
    assert blobs.holds(LONG_DIGEST, len(LONG))
    path.write_bytes(LONG[::-1])
    assert not blobs.holds(LONG_DIGEST, len(LONG))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("said", [0, len(RAW) - 1, len(RAW) + 1])
def test_a_wrong_size_that_somebody_said_is_told_and_takes_nothing_away(blobs: Blobs, said: int, *, full: bool) -> None:
    path = arrive(blobs)
    with pytest.raises(IntegrityError, match=f"has to be {said} bytes long, but has {len(RAW)}"):
        blobs.holds(DIGEST, said, full=full)
    assert path.read_bytes() == RAW
    assert blobs.holds(DIGEST, len(RAW))


def test_a_wrong_size_costs_no_hashing(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    arrive(blobs, LONG)
    monkeypatch.setattr(Blobs, "_proves_right", lambda *_: pytest.fail("it was hashed again"))
    with pytest.raises(IntegrityError):
        blobs.holds(LONG_DIGEST, len(LONG) + 1)


def test_a_store_in_which_nothing_can_be_noted_is_good_enough(blobs: Blobs) -> None:
    blobs.root.mkdir()
    (blobs.root / ".ocinb").write_bytes(b"no folder")
    arrive(blobs)
    assert blobs.holds(DIGEST, len(RAW))


def test_a_folder_that_is_none_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    blobs = Blobs(tmp_path / "file" / "store")
    part = tmp_path / "part"
    part.write_bytes(RAW)
    for act in (
        lambda: blobs.write(RAW, DIGEST),
        lambda: blobs.adopt(part, DIGEST),
        lambda: blobs.read(DIGEST, LIMIT),
    ):
        with pytest.raises(TransportError, match=r"ocinb\.settings\.store_dir") as caught:
            act()
        assert str(blobs.path(DIGEST)) in str(caught.value)
        assert caught.value.__suppress_context__


def test_an_adopted_file_that_is_gone_is_an_error_of_ours(blobs: Blobs) -> None:
    with pytest.raises(TransportError):
        blobs.adopt(blobs.root / "none", DIGEST)


def test_what_a_killed_writer_leaves_lies_where_no_other_tool_looks(blobs: Blobs) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from ocinb.spec.digest import Digest\n"
        "from ocinb.storage.blobs import Blobs\n"
        "os.replace = lambda *_: os.kill(os.getpid(), 9)\n"
        "Blobs(Path(sys.argv[1])).write(sys.argv[2].encode(), Digest(sys.argv[3]))\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(blobs.root), RAW.decode(), DIGEST], check=False)
    assert killed.returncode == -9
    [left] = [path for path in blobs.root.rglob("*") if path.is_file()]
    assert left.read_bytes() == RAW
    assert left.relative_to(blobs.root).parts[0] == ".ocinb"


def test_what_is_kept_for_ourselves_waits_for_no_disk_until_it_is_vouched_for(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: settled.append(os.fstat(file).st_ino))
    path = blobs.write(LONG, LONG_DIGEST)
    assert settled == []
    assert blobs.holds(LONG_DIGEST, len(LONG))
    assert settled == [path.stat().st_ino], "before a note says that it was seen"
    blobs.settle(LONG_DIGEST)
    assert settled == [path.stat().st_ino] * 2


def test_a_blob_that_is_not_there_cannot_be_settled(blobs: Blobs) -> None:
    with pytest.raises(TransportError, match="cannot be used: No such file"):
        blobs.settle(DIGEST)


@pytest.mark.parametrize("left", [b"", bytes(len(RAW))], ids=["empty", "zeros"])
def test_what_a_power_cut_left_of_a_document_is_never_taken_for_it(blobs: Blobs, left: bytes) -> None:
    path = blobs.write(RAW, DIGEST)
    path.write_bytes(left)
    assert blobs.read(DIGEST, LIMIT) is None
    assert not path.exists()
    blobs.write(RAW, DIGEST).write_bytes(left)
    assert not blobs.holds(DIGEST, len(RAW))
    assert not path.exists()


def test_who_finds_damage_takes_nothing_away_that_was_mended_meanwhile(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, updated = arrive(blobs), Verifier.update

    def mend(self: Verifier, chunk: bytes) -> None:
        monkeypatch.undo()
        updated(self, chunk)
        arrive(blobs)  # another process, while this one still hashes what stood there

    for look in (lambda: blobs.read(DIGEST, LIMIT), lambda: blobs.holds(DIGEST, len(RAW))):
        path.write_bytes(RAW[::-1])
        monkeypatch.setattr(Verifier, "update", mend)
        assert not look()
        assert path.read_bytes() == RAW


def test_a_note_vouches_for_what_was_hashed_and_not_for_what_was_written_since(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, check = blobs.write(LONG, LONG_DIGEST), Verifier.check

    def spoil(self: Verifier) -> None:
        check(self)
        path.write_bytes(LONG[::-1])  # somebody else, just after the last byte was hashed

    monkeypatch.setattr(Verifier, "check", spoil)
    assert blobs.holds(LONG_DIGEST, len(LONG)), "it was right when it was looked at"
    monkeypatch.undo()
    assert not blobs.holds(LONG_DIGEST, len(LONG))


def test_what_goes_while_it_is_looked_at_is_not_held(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    path, looked = arrive(blobs, LONG), Blobs._looks_unchanged

    def lose(self: Blobs, status: os.stat_result, digest: Digest) -> bool:
        path.unlink()
        return not looked(self, status, digest)

    monkeypatch.setattr(Blobs, "_looks_unchanged", lose)
    assert not blobs.holds(LONG_DIGEST, len(LONG))


def test_what_is_held_is_on_the_disk_however_it_came(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    path = blobs.write(RAW, DIGEST)
    settled: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: settled.append(os.fstat(file).st_ino))
    assert blobs.holds(DIGEST, len(RAW))
    assert settled == [path.stat().st_ino]
    os.utime(path, (time.time() - SETTLED_SECONDS - 60,) * 2)
    assert blobs.holds(DIGEST, len(RAW))
    assert settled == [path.stat().st_ino], "the system has done it since"


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to])
def test_a_note_is_never_written_into_what_a_stranger_put_in_its_place(
    blobs: Blobs, tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"years of work")
    note = blobs.root / ".ocinb" / "verified" / "sha256" / LONG_DIGEST.hex
    note.parent.mkdir(parents=True)
    plant(note, precious)
    arrive(blobs, LONG)
    assert precious.read_bytes() == b"years of work"
    assert note.read_bytes() == looks(blobs.path(LONG_DIGEST).stat())


def test_a_fifo_is_no_blob_and_no_note_and_nobody_waits_for_it(blobs: Blobs) -> None:
    note = blobs.root / ".ocinb" / "verified" / "sha256" / LONG_DIGEST.hex
    note.parent.mkdir(parents=True)
    os.mkfifo(note)
    blobs.write(LONG, LONG_DIGEST)
    assert blobs.holds(LONG_DIGEST, len(LONG))
    os.mkfifo(blobs.path(DIGEST))
    for look in (lambda: blobs.read(DIGEST, LIMIT), lambda: blobs.holds(DIGEST, 1), lambda: blobs.settle(DIGEST)):
        with pytest.raises(TransportError, match="it is neither a file nor a folder"):
            look()


def test_a_blob_behind_a_link_is_one_if_its_bytes_are_right(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "shared").write_bytes(RAW)
    blobs.path(DIGEST).parent.mkdir(parents=True)
    blobs.path(DIGEST).symlink_to(tmp_path / "shared")
    assert blobs.read(DIGEST, LIMIT) == RAW
    assert blobs.holds(DIGEST, len(RAW))
    assert blobs.size(DIGEST) == len(RAW)
