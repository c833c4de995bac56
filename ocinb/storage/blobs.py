"""Blobs: content that is named by its digest, in the folders of an OCI image layout.

A file stands under its final name only when all its bytes were seen to match. Beside the content, what a file looked
like on arrival is written down: a file that looks the same later need not be hashed again.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec.digest import Digest, Verifier, verify
from ocinb.spec.documents import verify_manifest
from ocinb.storage.safe_files import (
    disk_errors,
    is_real_folder,
    open_regular_file,
    own_folder,
    read_all,
    settle,
    write_atomically,
)

logger = logging.getLogger("ocinb")

CHUNK = 1024 * 1024
# Whatever is no larger is hashed as soon as a note of it is made.
SMALL = 256 * 1024
# How exactly it is known when a blob was last of use; writing that down each time would make reading a writing.
USED_SECONDS = 3600
# Systems write everything to the disk by themselves, mostly after half a minute.
SETTLED_SECONDS = 3600
_MAX_NOTE_BYTES = 100


class Blobs:
    """The content below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, Path] = {}

    def path(self, digest: Digest) -> Path:
        """Say where a blob stands, or would stand."""
        folder = self._folders.get(digest.algorithm)
        if folder is None:
            folder = self._folders[digest.algorithm] = self.root / "blobs" / digest.algorithm
        return folder / digest.hex

    def size(self, digest: Digest) -> int | None:
        """Say how many bytes a blob has; None if it is not there."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, digest: Digest, limit: int) -> bytes | None:
        """Read a small blob whole, hashing it again; None if it is not there.

        A file that was damaged is removed, so that the next question fetches it anew.
        """
        path = self.path(digest)
        with disk_errors(path):
            try:
                with open_regular_file(path) as file:
                    raw = read_all(file, limit + 1)
                    note_use(file.fileno(), status := os.fstat(file.fileno()))
            except FileNotFoundError:
                return None
        try:
            return verify(raw, digest) if len(raw) <= limit else None
        except IntegrityError:
            _remove_damaged(path, digest, status)
            return None

    def write(self, raw: bytes, digest: Digest) -> Path:
        """Keep a small blob; its bytes are checked first.

        Whoever reads it checks it again, so nobody waits here until it is on the disk: that takes longer than to fetch
        it anew after a power cut. What others shall read is for `settle`.

        Raises
        ------
        IntegrityError
            If the bytes do not match.
        TransportError
            If they cannot be written.
        """
        path = self.path(digest)
        verify(raw, digest)
        with disk_errors(path):
            if not _has(path, raw):
                write_atomically(path, raw, root=self.root, settled=False)
        return path

    def settle(self, digest: Digest) -> None:
        """Wait until a blob is on the disk, so that a power cut does not take it away.

        Raises
        ------
        TransportError
            If that fails.
        """
        path = self.path(digest)
        with disk_errors(path), open_regular_file(path) as file:
            settle(file.fileno())

    def forget(self, digest: Digest) -> None:
        """Forget what a blob looked like when it was verified, so that it is hashed again before it counts as there."""
        with suppress(OSError):  # there is no note, or the store is only lent
            self._note(digest).unlink()

    def remove(self, digest: Digest) -> bool:
        """Remove a blob, and say whether it was there."""
        path = self.path(digest)
        self.forget(digest)  # a note without its blob says nothing
        with disk_errors(path):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def adopt(self, file: Path, digest: Digest) -> Path:
        """Give a file that was verified, and is on the disk, its final name, and write down what it looks like."""
        path = self.path(digest)
        with disk_errors(path):
            try:
                file.replace(path)
            except FileNotFoundError:  # the first of its algorithm
                path.parent.mkdir(parents=True, exist_ok=True)
                file.replace(path)
            self._remember(path.stat(), digest)
        return path

    def holds(
        self, digest: Digest, size: int, *, full: bool = False, hashed: Callable[[int], object] = lambda _: None
    ) -> bool:
        """Say whether a blob is there, whole and right.

        Raises
        ------
        IntegrityError
            If the blob is there and right, but of another size than it has to be: nobody needs to fetch it again.
        """
        path = self.path(digest)
        with disk_errors(path):
            try:
                status = path.stat()
                if (full or not self._looks_unchanged(status, digest)) and not self._proves_right(path, digest, hashed):
                    return False
                note_use(path, status)
            except FileNotFoundError:  # now, or since a moment ago
                return False
        if status.st_size != size:
            raise IntegrityError(f"{digest} has to be {size:,} bytes long, but has {status.st_size:,}")
        return True

    def _proves_right(self, path: Path, digest: Digest, hashed: Callable[[int], object]) -> bool:
        """Hash a blob, and note what it looked like before that; remove it if it is wrong."""
        with open_regular_file(path) as file:
            status = os.fstat(file.fileno())
            verifier = Verifier(digest)
            while chunk := file.read(CHUNK):
                verifier.update(chunk)
                hashed(len(chunk))
            try:
                verifier.check()
            except IntegrityError:
                _remove_damaged(path, digest, status)
                return False
            if status.st_size > SMALL or _is_young(status):  # what vouches for a blob must not outlive it
                settle(file.fileno())
        self._remember(status, digest)
        return True

    def _note(self, digest: Digest) -> Path:
        return own_folder(self.root, "verified") / digest.algorithm / digest.hex

    def _looks_unchanged(self, status: os.stat_result, digest: Digest) -> bool:
        with suppress(OSError), open_regular_file(self._note(digest)) as note:  # without one nobody can tell
            return read_all(note, _MAX_NOTE_BYTES) == looks(status)
        return False

    def _remember(self, status: os.stat_result, digest: Digest) -> None:
        """Note what a blob that is on the disk looks like."""
        if status.st_size <= SMALL:
            return
        note = self._note(digest)
        with suppress(OSError):  # without a note, as in a store that is only lent, the file is hashed again next time
            try:
                _write_anew(note, looks(status))
            except FileNotFoundError:
                note.parent.mkdir(parents=True, exist_ok=True)
                _write_anew(note, looks(status))


def looks(status: os.stat_result) -> bytes:
    """Say what a file looks like; one that was written to, or replaced, looks otherwise."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}".encode()


def _write_anew(note: Path, raw: bytes) -> None:
    """Write a file, never through what stands there: a link leads anywhere. Half a note is none, and does no harm."""
    try:
        file = note.open("xb")
    except FileExistsError:
        note.unlink()
        file = note.open("xb")
    with file:
        file.write(raw)


def _remove_damaged(path: Path, digest: Digest, status: os.stat_result) -> None:
    """Remove a file that was seen to be wrong, unless another process has mended it since."""
    logger.warning("%s was damaged in the store and is fetched again", digest)
    with disk_errors(path), suppress(FileNotFoundError):
        if looks(path.stat()) == looks(status):
            path.unlink()


def _has(path: Path, raw: bytes) -> bool:
    """Say whether a small file holds just these bytes."""
    try:
        with open_regular_file(path) as file:
            return read_all(file, len(raw) + 1) == raw
    except FileNotFoundError:
        return False


def _is_young(status: os.stat_result) -> bool:
    """Say whether a file may have been written so lately that it is not on the disk by itself."""
    return time.time() - status.st_mtime <= SETTLED_SECONDS


def note_use(file: Path | int, status: os.stat_result) -> None:
    """Note that a blob was of use now, in its time of last access: most file systems no longer keep that by themselves.

    It is no part of what a file looks like, so that nothing has to be hashed again for it.
    """
    now = time.time_ns()
    if now - status.st_atime_ns > USED_SECONDS * 10**9:
        with suppress(OSError):  # a store that is only lent
            os.utime(file, ns=(now, status.st_mtime_ns))


@dataclass(frozen=True, slots=True)
class Found:
    """Something that stands among the blobs: where, as which blob if it has the name of one, and what it looks like."""

    path: Path
    digest: Digest | None
    status: os.stat_result

    @property
    def is_blob(self) -> bool:
        """Whether it is a file that has the name of a blob."""
        return self.digest is not None and stat.S_ISREG(self.status.st_mode)

    @property
    def may_go(self) -> bool:
        """Whether it has the name of a blob, and can be removed as such; a link can."""
        return self.digest is not None and not stat.S_ISDIR(self.status.st_mode)


def walk_shelves(root: Path) -> Iterator[Found]:
    """List what stands among the blobs of a layout, in a steady order.

    Raises
    ------
    TransportError
        If a folder cannot be read.
    """
    top = root / "blobs"
    if not is_real_folder(top):
        yield from _looked_at([top], is_shelf=True)
        return
    for shelf in _looked_at(_inside(top), is_shelf=True):
        if stat.S_ISDIR(shelf.status.st_mode):
            yield from _looked_at(_inside(shelf.path), is_shelf=False)
        else:
            yield shelf


def find_blob(path: Path) -> os.stat_result | None:
    """Look at a blob that may be removed; None if there is none, or it stands behind a link, or is a folder."""
    if not is_real_folder(path.parent) or not is_real_folder(path.parent.parent):
        return None
    try:
        status = path.lstat()
    except OSError:
        return None
    return None if stat.S_ISDIR(status.st_mode) else status


def _inside(folder: Path) -> list[Path]:
    with disk_errors(folder):
        try:
            return [folder / name for name in sorted(os.listdir(folder))]  # noqa: PTH208 - there may be very many
        except FileNotFoundError:  # somebody removes the whole layout
            return []


def _looked_at(paths: list[Path], *, is_shelf: bool) -> Iterator[Found]:
    for path in paths:
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):  # another process was quicker, or there is no layout
            continue
        yield Found(path, None if is_shelf else _digest_of(path), status)


def _digest_of(path: Path) -> Digest | None:
    try:
        return Digest(f"{path.parent.name}:{path.name}")
    except InvalidError:  # not ours
        return None


_LONGEST_NOTE = 200


class SignedDocuments:
    """The signed documents among some blobs."""

    def __init__(self, blobs: Blobs, limit: int) -> None:
        self._blobs = blobs
        self._limit = limit

    def read(self, digest: Digest) -> bytes | None:
        """Read one, proving it again; None if it is not there, or not what the note says."""
        path = self._note(digest)
        with disk_errors(path):
            try:
                with open_regular_file(path) as file:
                    noted = file.read(_LONGEST_NOTE)
            except FileNotFoundError:
                return None
        with suppress(InvalidError, IntegrityError, UnicodeDecodeError):
            raw = self._blobs.read(Digest(noted.decode("ascii")), self._limit)
            return None if raw is None else verify_manifest(raw, digest)
        return None

    def write(self, raw: bytes, digest: Digest) -> None:
        """Keep one; it is proved first. The one that is there stays: some registries sign anew for each question.

        Raises
        ------
        IntegrityError
            If it is not the promised one.
        TransportError
            If it cannot be written.
        """
        verify_manifest(raw, digest)
        if self.read(digest) is not None:
            return
        own, path = Digest.of(raw), self._note(digest)
        self._blobs.write(raw, own)
        with disk_errors(path):
            write_atomically(path, own.encode("ascii"), root=self._blobs.root, settled=False)

    def _note(self, digest: Digest) -> Path:
        return own_folder(self._blobs.root, "signed") / digest.algorithm / digest.hex
