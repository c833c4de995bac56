"""What an image is once umoci has unpacked it: a tree on the disk, path by path, without a line of ours in between."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tests.real.realimages import Layout
from tests.real.tools import run

# Others than root are given neither owners nor devices.
PRIVILEGED = os.geteuid() == 0

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
}
_DOUBLED = re.compile(rb"\\+(?=x)")
_OPENAT2 = 437
_RESOLVE_IN_ROOT = 0x10


class Facts(NamedTuple):
    """What is said of one path, by the disk or by a frame."""

    type: str
    size_bytes: int
    mode: int | None
    uid: int | None
    gid: int | None
    mtime: int | None
    link_target: str | None
    sha256: str | None


def text_of(raw: bytes) -> str:
    """Give a name as the frames have it, found in another way than theirs."""
    return _DOUBLED.sub(lambda found: found[0] * 2, raw).decode("utf-8", "backslashreplace")


def unpacked(layout: Layout, place: Path) -> Path:
    """Let umoci unpack an image, without the bundle around it, and give the root of its tree."""
    rootless = [] if PRIVILEGED else ["--rootless"]
    run("umoci", "raw", "unpack", *rootless, "--image", layout.image, place)
    return place


def walked(root: Path) -> dict[str, Facts]:
    """Give every path below a root but the root itself; of a content with many names the first is the file."""
    first: dict[tuple[int, int], str] = {}
    rows: dict[str, Facts] = {}
    places = {text_of(os.fsencode(path.relative_to(root))): path for path in root.rglob("*")}
    for name, path in sorted(places.items()):
        found = path.lstat()
        rows[name] = _facts(path, found)
        if rows[name].type == "file" and first.setdefault((found.st_dev, found.st_ino), name) != name:
            rows[name] = rows[name]._replace(type="hardlink", link_target=first[found.st_dev, found.st_ino])
    return rows


def told(frame: pd.DataFrame) -> dict[str, Facts]:
    """Give the paths of a frame of ours in the same form, without the root."""
    return {path: facts for path, facts in facts_of(frame) if path}


def facts_of(frame: pd.DataFrame) -> list[tuple[str, Facts]]:
    """Give the rows of `files` or `filesystem` in their order."""
    columns = [_plain(frame[name]) for name in Facts._fields]
    return [(path, _judged(Facts(*row))) for path, *row in zip(frame["path"], *columns, strict=True)]


def opened_in_root(root: Path, path: str) -> bytes:
    """Read a file as a process would for which this is the root: it is the kernel that follows the links."""
    how = struct.pack("QQQ", os.O_RDONLY, 0, _RESOLVE_IN_ROOT)
    directory = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        handle = ctypes.CDLL(None, use_errno=True).syscall(_OPENAT2, directory, os.fsencode(path), how, len(how))
    finally:
        os.close(directory)
    if handle < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    with os.fdopen(handle, "rb") as opened:
        return opened.read()


def assert_same_rows(ours: dict[str, Facts], theirs: dict[str, Facts]) -> None:
    """Compare, and show no more than the paths that differ."""
    differing = sorted(path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path))
    shown = [f"{path!r}\n  ours:   {ours.get(path)}\n  theirs: {theirs.get(path)}" for path in differing[:20]]
    assert not differing, f"{len(differing)} of {len(theirs)} differ:\n" + "\n".join(shown)
    assert theirs, "there is nothing that could differ"


def _facts(path: Path, found: os.stat_result) -> Facts:
    kind = _TYPES[stat.S_IFMT(found.st_mode)]
    content = path.read_bytes() if kind == "file" else None
    return _judged(
        Facts(
            kind,
            0 if content is None else len(content),
            stat.S_IMODE(found.st_mode),
            found.st_uid,
            found.st_gid,
            found.st_mtime_ns // 1000,
            text_of(os.fsencode(path.readlink())) if kind == "symlink" else None,
            None if content is None else hashlib.sha256(content).hexdigest(),
        )
    )


def _judged(facts: Facts) -> Facts:
    """Leave out what no disk shows: a symbolic link has all bits there, and others than root own all that they see."""
    mode = None if facts.type == "symlink" else facts.mode
    return facts._replace(mode=mode) if PRIVILEGED else facts._replace(mode=mode, uid=None, gid=None)


def _plain(column: pd.Series[Any]) -> Iterable[Any]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = (column - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(1, "us")
    return (None if pd.isna(value) else value for value in column)
