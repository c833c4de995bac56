"""Blobs: content that is named by its digest, in the folders of an OCI image layout.

A file stands under its final name only when all its bytes were seen to match. Beside the content, what a file looked
like on arrival is written down: a file that looks the same later need not be hashed again.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ocinb.errors import IntegrityError, TransportError
from ocinb.spec.digest import Digest, Verifier, verify

logger = logging.getLogger("ocinb")

CHUNK = 1024 * 1024
# Whatever is no larger is hashed as soon as a note of it is made.
SMALL = 256 * 1024
# What the system says of a disk, a share or a file that takes no more.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
ELSEWHERE = "Choose another folder by destination= or ocinb.settings.store_dir"
MORE_ROOM = f"Free some space. {ELSEWHERE}"
# Our own bookkeeping stands where readers of the layout never look.
OWN_FOLDER = ".ocinb"
# Nobody writes for so long: what is older was left by a process that was killed.
LEFTOVER_SECONDS = 24 * 3600
# How exactly it is known when a blob was last of use; writing that down each time would make reading a writing.
USED_SECONDS = 3600


class Blobs:
    """The content below one folder.

    Parameters
    ----------
    root
        The folder of the layout; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, Path] = {}

    def path(self, digest: Digest) -> Path:
        """Say where a blob stands, or would stand."""
        folder = self._folders.get(digest.algorithm)
        if folder is None:
            folder = self._folders[digest.algorithm] = self.root / "blobs" / digest.algorithm
        return folder / digest.hex

    def read(self, digest: Digest, limit: int) -> bytes | None:
        """Read a small blob whole, hashing it again; None if it is not there.

        A file that was damaged is removed, so that the next question fetches it anew.
        """
        path = self.path(digest)
        with disk_errors(path):
            try:
                with path.open("rb") as file:
                    raw = file.read(limit + 1)
                    _note_use(file.fileno())
            except FileNotFoundError:
                return None
        try:
            return verify(raw, digest) if len(raw) <= limit else None
        except IntegrityError:
            logger.warning("%s was damaged in the store and is fetched again", digest)
            with disk_errors(path):
                path.unlink(missing_ok=True)
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
            # One of another size is damaged; one of the same size shows when it is read.
            if _size(path) != len(raw):
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
        with disk_errors(path):
            _settle(path)

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
        self._remember(path, digest, settled=True)
        return path

    def holds(self, digest: Digest, size: int, *, full: bool = False) -> bool:
        """Say whether a blob is there, whole and right.

        Parameters
        ----------
        digest, size
            What it has to be.
        full
            Hash it even if it looks as it did on arrival.

        Returns
        -------
        bool
            False also if what stood there was wrong; that file is then removed.

        Raises
        ------
        IntegrityError
            If the blob is there and right, but of another size than it has to be: nobody needs to fetch it again.
        """
        path = self.path(digest)
        with disk_errors(path):
            if not path.exists():
                return False
            if full or not self._looks_unchanged(path, digest):
                if not self._matches(path, digest):
                    logger.warning("%s was wrong in the store and is fetched again", digest)
                    path.unlink(missing_ok=True)
                    return False
                self._remember(path, digest)
            _note_use(path)
            actual = path.stat().st_size
        if actual != size:
            raise IntegrityError(f"{digest} has to be {size:,} bytes long, but has {actual:,}")
        return True

    def _matches(self, path: Path, digest: Digest) -> bool:
        verifier = Verifier(digest)
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    verifier.update(chunk)
            verifier.check()
        except (FileNotFoundError, IntegrityError):
            return False
        return True

    def _note(self, digest: Digest) -> Path:
        return self.root.joinpath(OWN_FOLDER, "verified", digest.algorithm, digest.hex)

    def _looks_unchanged(self, path: Path, digest: Digest) -> bool:
        try:
            return self._note(digest).read_bytes() == _looks(path.stat())
        except OSError:  # no note, and whatever else is wrong shows when the file is read
            return False

    def _remember(self, path: Path, digest: Digest, *, settled: bool = False) -> None:
        note = self._note(digest)
        with suppress(OSError):  # without a note, as in a store that is only lent, the file is hashed again next time
            status = path.stat()
            if status.st_size <= SMALL:
                return
            if not settled:  # what vouches for a blob must not outlive it
                _settle(path)
            try:
                note.write_bytes(_looks(status))  # half a note is none, so nobody needs to see it whole or not at all
            except FileNotFoundError:
                note.parent.mkdir(parents=True, exist_ok=True)
                note.write_bytes(_looks(status))


def write_atomically(path: Path, raw: bytes, *, root: Path, settled: bool = True) -> None:
    """Write a file of a layout under another name first and move it then, so that nobody ever sees half of it.

    The other name is in a folder of our own: what a killed process leaves behind lies where no other tool looks.
    Settled, it is on the disk before it is moved; else a power cut may leave an empty file.
    """
    new = _new_folder(root) / f"{os.getpid()}-{secrets.token_hex(8)}"
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


def _write(new: Path, raw: bytes, path: Path, *, settled: bool) -> None:
    with new.open("wb") as file:  # not by tempfile, whose files nobody else may read
        file.write(raw)
        if settled:
            file.flush()
            os.fsync(file.fileno())
    new.replace(path)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def remove_leftovers(root: Path) -> None:
    """Remove what killed processes were writing."""
    for new in _new_folder(root).glob("*"):
        with suppress(OSError):  # others clean up too, or did not mean us to
            if abs(time.time() - new.stat().st_mtime) > LEFTOVER_SECONDS:  # the clock may have been set back since
                new.unlink()


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say of what the system refuses where that was, and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = MORE_ROOM if error.errno in _FULL else ELSEWHERE
        raise TransportError(f"{path} cannot be used: {reason}", hint=hint) from None


def _new_folder(root: Path) -> Path:
    return root / OWN_FOLDER / "new"


def _settle(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _note_use(file: Path | int) -> None:
    """Note that a blob was of use now, in its time of last access: most file systems no longer keep that by themselves.

    It is no part of what a file looks like, so that nothing has to be hashed again for it.
    """
    with suppress(OSError):  # a store that is only lent
        status, now = os.stat(file), time.time_ns()  # noqa: PTH116 - it may be an open file
        if now - status.st_atime_ns > USED_SECONDS * 10**9:
            os.utime(file, ns=(now, status.st_mtime_ns))


def _looks(status: os.stat_result) -> bytes:
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}".encode()
