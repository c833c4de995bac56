"""A tar says here what GNU tar and bsdtar say of it, whoever wrote it."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.archive.entries import Columns, text_of
from tests.archive.tars import content, members, scan, written
from tests.archive.tars import entry as tar_entry
from tests.real.tools import require

pytestmark = pytest.mark.real

ROOT = os.geteuid() == 0
LISTED = re.compile(
    rb"(?P<kind>.)(?P<mode>\S{9})\S* (?P<uid>\d+)/(?P<gid>\d+) +(?P<size>\S+) "
    rb'(?P<moment>\S+ \S+) +"(?P<name>(?:[^"\\]|\\.)*)"(?: -> "(?P<symlink>.*)"| link to "(?P<link>.*)"| unknown .*)?'
)
LETTERS = {"file": b"-", "directory": b"d", "symlink": b"l", "hardlink": b"h", "character": b"c", "block": b"b"}
LETTERS |= {"fifo": b"p"}
WITH_HOLES = [("oldgnu", "0.0"), ("gnu", "0.0"), ("pax", "0.0"), ("pax", "0.1"), ("pax", "1.0")]
PIECE = 700_001


def run(tool: str, *arguments: str | Path, at: Path | None = None, given: bytes | None = None) -> bytes:
    command = [require(tool), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=120, cwd=at)
    assert done.returncode == 0, done.stderr
    return done.stdout


def letters(mode: int) -> bytes:
    return stat.filemode(mode)[1:].encode()


def moment(micro: int | None) -> datetime:
    """Give a time as GNU tar shows it: of one before 1970 it takes the fraction away from the full second above it."""
    assert micro is not None
    seconds, rest = divmod(micro, 10**6)
    if seconds < 0 and rest:
        seconds, rest = seconds + 1, 10**6 - rest
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None, microsecond=rest)


def time_of(listed: bytes) -> datetime:
    """Read what --full-time shows: nanoseconds, if there are some."""
    seconds, _, fraction = listed.decode().partition(".")
    return datetime.fromisoformat(f"{seconds}.{fraction[:6]:0<6}")


def unquoted(name: bytes | None) -> bytes | None:
    letters = {b"n": b"\n", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"r": b"\r", b"v": b"\v"}

    def plain(found: re.Match[bytes]) -> bytes:
        return bytes([int(found[1], 8)]) if found[1].isdigit() else letters.get(found[1], found[1])

    return None if name is None else re.sub(rb"\\([0-7]{3}|.)", plain, name)


def steps(name: bytes | None) -> str | None:
    return None if name is None else text_of(b"/".join(step for step in name.split(b"/") if step not in {b"", b"."}))


def listed_by_gnu(raw: bytes) -> list[tuple[object, ...]]:
    arguments = ["-tvf", "-", "--full-time", "--numeric-owner", "--quoting-style=c", "--absolute-names", "--utc"]
    rows = []
    for line in run("tar", *arguments, given=raw).splitlines():
        found = LISTED.fullmatch(line)
        assert found is not None, line
        symlink = unquoted(found["symlink"])
        link = steps(unquoted(found["link"])) if symlink is None else text_of(symlink)
        size = int(found["size"]) if found["kind"] == b"-" else 0
        owner = (int(found["uid"]), int(found["gid"]))
        rows.append((steps(unquoted(found["name"])), found["kind"], size, found["mode"], *owner, link, found["moment"]))
    return [(*row[:-1], time_of(row[-1])) for row in rows if isinstance(row[-1], bytes)]


def listed_here(found: Columns) -> list[tuple[object, ...]]:
    columns = zip(found.path, found.type, found.size_bytes, found.mode, found.uid, found.gid, strict=True)
    links = zip(found.link_target, found.mtime, strict=True)
    return [
        (path, LETTERS[kind], size, letters(mode), uid, gid, link, moment(micro))
        for (path, kind, size, mode, uid, gid), (link, micro) in zip(columns, links, strict=True)
    ]


def assert_as_gnu_tar(raw: bytes) -> None:
    found = scan(raw, range(0, len(raw), PIECE))
    assert listed_here(found) == listed_by_gnu(raw)
    files = [place for place, kind in enumerate(found.type) if kind == "file"]
    stored = [content(raw, place) for place in files]
    assert b"".join(stored) == run("tar", "-xOf", "-", "--absolute-names", given=raw)
    assert [hashlib.sha256(one).digest() for one in stored] == [found.sha256[place] for place in files]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@settings(max_examples=40)
@given(data=st.data())
def test_entries_that_somebody_thought_of(form: int, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(members(plain=form == tarfile.USTAR_FORMAT), min_size=1, max_size=8))
    assert_as_gnu_tar(written(wanted, form))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make all that a file system has, as far as the user may."""
    root = tmp_path_factory.mktemp("tree")
    for name in (b"plain", b"caf\xe9", b"new\nline", b"back\\slash", b"d/" + b"deep/" * 30 + b"file", b"n" * 200):
        path = Path(os.fsdecode(os.path.join(os.fsencode(root), name)))  # noqa: PTH118 - bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name * 100)
    (root / "empty").touch()
    (root / "large").write_bytes(os.urandom(3_000_000))
    (root / "setuid").write_bytes(b"#!")
    (root / "setuid").chmod(0o4755)
    (root / "other name").hardlink_to(root / "plain")
    (root / "link").symlink_to("/nowhere/../\n")
    (root / "long link").symlink_to("t" * 300)
    os.mkfifo(root / "fifo")
    (root / "sticky").mkdir()
    (root / "sticky").chmod(0o1777)
    os.utime(root / "empty", ns=(0, 1_234_567_890_123_456_789))
    os.utime(root / "setuid", ns=(0, -1_500_001_000))
    if ROOT:
        os.mknod(root / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(root / "loop", 0o660 | stat.S_IFBLK, os.makedev(7, 0))
        os.chown(root / "large", 3_000_000, 4_000_000)
    return root


def with_holes(path: Path) -> Path:
    """Make a file of 40 runs, of which old GNU headers hold four."""
    with path.open("wb") as file:
        for run_number in range(40):
            file.seek(run_number * 65_536)
            file.write(b"%d" % run_number * 100)
        file.truncate(40 * 65_536 + 5_000_000)
    return path


def assert_as_on_disk(found: Columns, tree: Path, *, of_second: int) -> None:
    for place, path in enumerate(found.path):
        raw = re.sub(rb"\\x([0-9a-f]{2})", lambda hit: bytes([int(hit[1], 16)]), path.encode())
        on_disk = tree / os.fsdecode(raw)
        state = on_disk.lstat()
        assert (found.mode[place], found.uid[place]) == (stat.S_IMODE(state.st_mode), state.st_uid), path
        assert found.mtime[place] == state.st_mtime_ns // of_second * (of_second // 1000), path
        if found.type[place] == "file":
            assert found.sha256[place] == hashlib.sha256(on_disk.read_bytes()).digest(), path
            assert found.size_bytes[place] == state.st_size
        if found.type[place] == "symlink":
            assert found.link_target[place] == str(on_disk.readlink())
    # Not by rglob, which follows a link whose target is too long for any name.
    assert len(found) == sum(len(folders) + len(files) for _, folders, files in os.walk(tree)) + 1


@pytest.mark.parametrize("form", ["oldgnu", "gnu", "pax"])
def test_a_tree_that_gnu_tar_packs(tree: Path, form: str) -> None:
    raw = run("tar", f"--format={form}", "--sort=name", "-cf", "-", ".", at=tree)
    assert_as_on_disk(scan(raw), tree, of_second=1000 if form == "pax" else 10**9)
    assert_as_gnu_tar(raw)


@pytest.mark.parametrize("form", ["v7", "ustar"])
def test_old_formats_hold_what_they_can(tree: Path, tmp_path: Path, form: str) -> None:
    names = [b"plain", b"empty", b"large", b"link", b"sticky", b"other name", b"caf\xe9"]
    (tmp_path / "names").write_bytes(b"\0".join(names))
    raw = run(
        "tar", f"--format={form}", "--owner=7", "--group=8", "--null", "-T", tmp_path / "names", "-cf", "-", at=tree
    )
    assert scan(raw).type.count("hardlink") == 1
    assert_as_gnu_tar(raw)


@pytest.mark.parametrize(("form", "version"), WITH_HOLES)
def test_holes_that_gnu_tar_leaves_out(tmp_path: Path, form: str, version: str) -> None:
    names = ["holes", "all hole", "h" * 180]
    for name in (names[0], names[2]):
        with_holes(tmp_path / name)
    with (tmp_path / names[1]).open("wb") as file:
        file.truncate(3_000_000)
    raw = run("tar", f"--format={form}", "--sparse", f"--sparse-version={version}", "-cf", "-", *names, at=tmp_path)
    assert len(raw) < 1_000_000
    found = scan(raw)
    assert found.path == names
    assert found.size_bytes == [(tmp_path / name).stat().st_size for name in names]
    assert found.offset == [None] * 3
    assert content(raw, 2) == (tmp_path / names[2]).read_bytes()
    assert_as_gnu_tar(raw)


@pytest.mark.parametrize("form", ["v7", "ustar", "gnutar", "pax"])
def test_a_tree_that_bsdtar_packs(tree: Path, form: str) -> None:
    names = ["plain", "empty", "large", "link", "sticky", "other name"]
    names += [] if form in {"v7", "ustar"} else ["n" * 200, "long link", "fifo"]
    raw = run("bsdtar", f"--format={form}", "--uid=1", "--gid=2", "-cf", "-", *names, at=tree)
    assert scan(raw).path == names
    assert_as_gnu_tar(raw)


@pytest.mark.parametrize("holes", [b"0.1", b"1.0"])
def test_bsdtar_reads_the_same_holes(tmp_path: Path, holes: bytes) -> None:
    with_holes(tmp_path / "holes")
    raw = run("tar", "--format=pax", f"--sparse-version={holes.decode()}", "--sparse", "-cf", "-", "holes", at=tmp_path)
    assert content(raw, 0) == run("bsdtar", "-xOf", "-", given=raw)


NEXT = tar_entry(b"next", b"abc")


@pytest.mark.parametrize(
    "raw",
    [
        NEXT + bytes(1024),
        NEXT + bytes(1024) + NEXT,
        NEXT,
        NEXT + bytes(100),
        NEXT + bytes(512) + NEXT,
        NEXT + bytes(1024) + b"garbage" * 100,
        NEXT + tar_entry(b"unknown", b"x" * 600, b"Z") + NEXT,
        NEXT + tar_entry(b"contiguous", b"x" * 600, b"7") + NEXT,
        tar_entry(b"d/", b"", b"0") + tar_entry(b"e/", b"", b"\0") + NEXT,
    ],
)
def test_ends_and_odd_types(raw: bytes) -> None:
    found = scan(raw)
    assert found.path == [row[0] for row in listed_by_gnu(raw)]
    files = [place for place, kind in enumerate(found.type) if kind == "file"]
    assert b"".join(content(raw, place) for place in files) == run("tar", "-xOf", "-", given=raw)
