"""Safe files: how files in a folder that others may change are opened, and written so that nobody sees half of one.

Our own bookkeeping stands in a folder of ours. A layout may be a stranger's, and the folder too: what stands in it is
taken for ours only if it looks like it, and nothing is written through a link, or removed behind one.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ocinb.errors import InvalidError, TransportError

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_QUIET = getattr(os, "O_NOATIME", 0)  # Linux
_KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFREG: "a file"}


@contextmanager
def open_plain(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read it.

    Raises
    ------
    FileNotFoundError
        If nothing is there.
    OSError
        If it is something else, a link too, or cannot be read.
    """
    _check(path.lstat())
    with _regular(_open_quietly(path)) as file:  # something else may have been put there between the two looks
        yield file


def open_regular_file(path: Path) -> BinaryIO:
    """Open a regular file to read it, also from behind a link.

    Raises
    ------
    FileNotFoundError
        If nothing is there.
    OSError
        If it is something else, or cannot be read.
    """
    return _regular(os.open(path, _FLAGS))


def read_small(path: Path, limit: int, setting: str) -> bytes | None:
    """Read a small file whole; None if it is not there.

    Raises
    ------
    InvalidError
        If it is larger than a limit, which has the name of a setting.
    TransportError
        If it cannot be read, or is no regular file.
    """
    with disk_errors(path):
        try:
            with open_plain(path) as file:
                size = os.fstat(file.fileno()).st_size
                raw = b"" if size > limit else read_all(file, limit + 1)
        except FileNotFoundError:
            return None
    if max(size, len(raw)) > limit:
        raise InvalidError(f"{path} has {size:,} bytes, more than {setting} = {limit:,}")
    return raw


def read_all(file: BinaryIO, limit: int) -> bytes:
    """Read up to so many bytes."""
    chunks = []
    while limit > 0 and (chunk := file.read(limit)):
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)


def kind_of(status: os.stat_result) -> str:
    """Say what something in a folder is."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "neither a file nor a folder")


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, f"it is {kind_of(status)}")


def _regular(handle: int) -> BinaryIO:
    try:
        _check(os.fstat(handle))
    except OSError:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb", buffering=0)  # whoever reads takes large chunks


def _open_quietly(path: Path) -> int:
    with suppress(PermissionError):  # only its owner may read a file quietly
        return os.open(path, _FLAGS | os.O_NOFOLLOW | _QUIET)
    return os.open(path, _FLAGS | os.O_NOFOLLOW)


# Our own bookkeeping stands where readers of the layout never look.
OWN_FOLDER = ".ocinb"
# Nobody writes for so long: what is older was left by a process that was killed.
LEFTOVER_SECONDS = 24 * 3600
# What the system says of a disk, a share or a file that takes no more.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
ELSEWHERE = "Choose another folder by destination= or ocinb.settings.store_dir"
MORE_ROOM = f"Free some space, as ocinb.store.prune does, or {ELSEWHERE[0].lower()}{ELSEWHERE[1:]}"
_OWN_NAME = re.compile(r"[0-9]{1,10}-[0-9a-f]{16}")


def own_folder(root: Path, kind: str) -> Path:
    """Say where something of ours stands in a layout."""
    return root / OWN_FOLDER / kind


def new_own_file(root: Path, kind: str) -> Path:
    """Draw a name that no other process draws, in a folder of ours."""
    return own_folder(root, kind) / f"{os.getpid()}-{secrets.token_hex(8)}"


def own_files(root: Path, kind: str) -> list[Path]:
    """List the files of ours in a folder of ours; none behind a link."""
    folder = own_folder(root, kind)
    if not (is_real_folder(folder.parent) and is_real_folder(folder)):
        return []
    found = sorted(path for path in folder.iterdir() if _OWN_NAME.fullmatch(path.name))
    return [path for path in found if path.is_file() and not path.is_symlink()]


def write_atomically(path: Path, raw: bytes, *, root: Path, settled: bool = True) -> None:
    """Write a file of a layout under another name first and move it then, so that nobody ever sees half of it.

    The other name is in a folder of our own: what a killed process leaves behind lies where no other tool looks.
    Settled, it is on the disk before it is moved, and its name before this returns; else a power cut may leave an empty
    file, or the one before.
    """
    new = new_own_file(root, "new")
    try:
        try:
            _write(new, raw, path, settled=settled)
        except FileNotFoundError:  # the first of its kind; looking each time would take as long as writing
            for folder in (new.parent, path.parent):
                folder.mkdir(parents=True, exist_ok=True)
            _write(new, raw, path, settled=settled)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    if settled:
        for folder in (path.parent, path.parent.parent):  # the folder may be new, too
            settle_folder(folder)


def remove_leftovers(root: Path) -> None:
    """Remove what killed processes were writing."""
    with suppress(PermissionError):  # a store that is only lent
        for new in own_files(root, "new"):
            with suppress(OSError):  # others clean up too, or did not mean us to
                if abs(time.time() - new.stat().st_mtime) > LEFTOVER_SECONDS:  # the clock may have been set back since
                    new.unlink()


def write_all(file: BinaryIO, raw: bytes) -> None:
    """Write bytes to a file without a buffer, which may take some of them at a time."""
    rest = memoryview(raw)
    while rest:
        rest = rest[file.write(rest) :]


def settle(handle: int) -> None:
    """Wait until an open file is on the disk, where the file system knows how to tell."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EROFS}:
            raise


def settle_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, so that a power cut does not take them away."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # somebody else's, in which ours may stand
        return
    try:
        settle(handle)
    finally:
        os.close(handle)


def is_real_folder(path: Path) -> bool:
    """Say whether a path is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def last_used(status: os.stat_result) -> float:
    """Say when a file came or was last of use, in seconds since 1970."""
    return max(status.st_atime, status.st_mtime)


def says_full(reason: str) -> bool:
    """Say whether a library tells of a disk that takes no more, which it does in the system's words."""
    return any(os.strerror(code) in reason for code in _FULL)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say of what the system refuses where that was, and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = MORE_ROOM if error.errno in _FULL else ELSEWHERE
        raise TransportError(f"{path} cannot be used: {reason}", hint=hint) from None


def _write(new: Path, raw: bytes, path: Path, *, settled: bool) -> None:
    with new.open("wb") as file:  # not by tempfile, whose files nobody else may read
        file.write(raw)
        if settled:
            file.flush()
            settle(file.fileno())
    new.replace(path)
