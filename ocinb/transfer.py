"""Transfers: blobs from a source into a layout. Planned purely, resumed, verified, and only then given their name."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ocinb._pool import alone, check_stopped, run_all
from ocinb._settings import Settings
from ocinb.errors import AuthError, IntegrityError, OcinbError, RateLimitError, TransportError
from ocinb.progress.protocol import Progress, State
from ocinb.sources.base import RangeError, Source
from ocinb.spec.digest import Digest, Verifier
from ocinb.spec.documents import Descriptor
from ocinb.storage.blobs import CHUNK
from ocinb.storage.layout import Layout
from ocinb.storage.parts import claim_part

FIRST_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """A blob that is wanted, where it comes from, and the name that it is wanted for, which its errors tell."""

    descriptor: Descriptor
    source: Source
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Transferred:
    """What became of a job."""

    digest: Digest
    outcome: str
    fetched_bytes: int
    seconds: float | None
    path: Path


class Transfer:
    """A number of jobs into one layout.

    Parameters
    ----------
    layout
        Where the blobs go.
    settings
        How many at a time, and how often a broken one is resumed.
    progress
        Who is told.
    verify
        ``"size"`` trusts what has not changed since it arrived verified; ``"full"`` hashes it again.
    """

    def __init__(self, layout: Layout, settings: Settings, progress: Progress, *, verify: str) -> None:
        self._layout = layout
        self._settings = settings
        self._progress = progress
        self._full = verify == "full"

    def run(self, jobs: Sequence[Job], *, errors: str) -> dict[Digest, Transferred | OcinbError]:
        """Do the jobs, each digest once.

        Raises
        ------
        OcinbError
            The first error, if errors is ``"raise"``; else it is the job's result.
        """
        # By digest and size: of two documents that give a blob two sizes one is wrong, which must not spoil the other.
        wanted: dict[Digest, dict[int, Job]] = {}
        for job in jobs:
            wanted.setdefault(job.descriptor.digest, {}).setdefault(job.descriptor.size, job)

        def attempt(digest: Digest) -> Transferred | OcinbError:
            try:
                return self._first_right([job for _, job in sorted(wanted[digest].items())])
            except OcinbError as error:
                self._progress.state(digest, State.FAILED)
                if errors == "raise":
                    raise
                return error

        return dict(zip(wanted, run_all(attempt, wanted, workers=self._settings.concurrency), strict=True))

    def _first_right(self, jobs: Sequence[Job]) -> Transferred:
        for job in jobs[:-1]:
            with suppress(IntegrityError):
                return self._named(job)
        return self._named(jobs[-1])

    def _named(self, job: Job) -> Transferred:
        try:
            return self._transfer(job)
        except OcinbError as error:
            error.reference = error.reference or job.name
            raise

    def _transfer(self, job: Job) -> Transferred:
        descriptor = job.descriptor
        with alone((self._layout.root, descriptor.digest)):  # those that wait find it present
            if self._layout.blobs.holds(descriptor.digest, descriptor.size, full=self._full):
                self._progress.state(descriptor.digest, State.PRESENT)
                path = self._layout.blobs.path(descriptor.digest)
                return Transferred(descriptor.digest, "present", 0, None, path)
            started = time.monotonic()
            with _disk_errors(self._layout.root), claim_part(self._layout.root, descriptor.digest) as part:
                download = _Download(job, part, self._settings, self._progress)
                outcome = download.run()
                path = self._layout.blobs.adopt(part, descriptor.digest)
        self._progress.state(descriptor.digest, State.DONE)
        return Transferred(descriptor.digest, outcome, download.fetched, time.monotonic() - started, path)


def resume_offset(part_size: int, blob_size: int) -> int:
    """Say from which byte a download goes on, given how much of it there is; a part that is too long is worth nothing.

    >>> resume_offset(100, 1000), resume_offset(1001, 1000)
    (100, 0)
    """
    return part_size if part_size <= blob_size else 0


class _Download:
    """One blob on its way into its part."""

    def __init__(self, job: Job, part: Path, settings: Settings, progress: Progress) -> None:
        self.fetched = 0
        self._descriptor = job.descriptor
        self._source = job.source
        self._part = part
        self._settings = settings
        self._progress = progress
        self._resumed = False
        self._verifier = self._new_verifier()  # has seen what is in the part, at any time

    def run(self) -> str:
        """Complete the part, and prove it; bytes that are wrong are thrown away and fetched once more from zero."""
        try:
            self._complete()
        except IntegrityError:
            self._throw_away()
            try:
                self._complete()
            except IntegrityError:
                self._throw_away()
                raise
        return "resumed" if self._resumed else "downloaded"

    def _complete(self) -> None:
        with self._part.open("a+b") as file:
            self._take_up(file)
            for pause in self._pauses():
                try:
                    self._append(file)
                    break
                except (AuthError, RateLimitError):
                    raise
                except TransportError:
                    if pause is None:
                        raise
                    time.sleep(pause)
            self._progress.state(self._descriptor.digest, State.VERIFYING)
            self._verifier.check()
            file.flush()
            os.fsync(file.fileno())

    def _pauses(self) -> Iterator[float | None]:
        """Give the pause after each try; None after the last."""
        for number in range(self._settings.retries):
            yield FIRST_PAUSE_SECONDS * 2**number
        yield None

    def _take_up(self, file: BinaryIO) -> None:
        """Hash what there is of an earlier download."""
        self._verifier = self._new_verifier()
        file.seek(0, os.SEEK_END)
        if not resume_offset(file.tell(), self._descriptor.size):
            file.truncate(0)
            return
        file.seek(0)
        while chunk := file.read(CHUNK):
            check_stopped()
            self._verifier.update(chunk)
        self._resumed = True
        self._progress.advance(self._descriptor.digest, self._verifier.seen)

    def _append(self, file: BinaryIO) -> None:
        if self._verifier.seen == self._descriptor.size:
            return
        self._progress.state(self._descriptor.digest, State.DOWNLOADING)
        try:
            self._receive(file)
        except RangeError:
            if not self._verifier.seen:
                raise
            self._restart(file)
            self._receive(file)

    def _receive(self, file: BinaryIO) -> None:
        with self._source.open_blob(self._descriptor, offset=self._verifier.seen) as blob:
            if blob.offset != self._verifier.seen:  # the whole came where a part was asked for
                self._restart(file)
            for chunk in blob.chunks():
                self.fetched += len(chunk)
                self._verifier.update(chunk)
                file.write(chunk)
                file.flush()  # what was fetched is never fetched again, whatever happens now
                self._progress.advance(self._descriptor.digest, len(chunk))
        seen, size = self._verifier.seen, self._descriptor.size
        if seen < size:
            raise TransportError(f"{self._descriptor.digest} ended after {seen:,} of {size:,} bytes")

    def _restart(self, file: BinaryIO) -> None:
        self._progress.advance(self._descriptor.digest, -file.seek(0, os.SEEK_END))
        file.truncate(0)
        self._resumed = False
        self._verifier = self._new_verifier()

    def _throw_away(self) -> None:
        self._progress.advance(self._descriptor.digest, -self._part.stat().st_size)
        self._part.unlink()
        self._resumed = False

    def _new_verifier(self) -> Verifier:
        return Verifier(self._descriptor.digest, self._descriptor.size)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "Free some space, or choose another folder by destination= or ocinb.settings.store_dir"
        raise TransportError(f"{folder} cannot be written: {error.strerror}", hint=hint) from None
