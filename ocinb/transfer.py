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

        def attempt(job: Job) -> Transferred | OcinbError:
            try:
                return self._transfer(job)
            except OcinbError as error:
                error.reference = error.reference or job.name
                self._progress.state(job.descriptor.digest, State.FAILED)
                if errors == "raise":
                    raise
                return error

        distinct = list({job.descriptor.digest: job for job in jobs}.values())
        results = run_all(attempt, distinct, workers=self._settings.concurrency)
        return {job.descriptor.digest: result for job, result in zip(distinct, results, strict=True)}

    def _transfer(self, job: Job) -> Transferred:
        descriptor = job.descriptor
        with alone((self._layout.root, descriptor.digest)):  # those that wait find it present
            if self._layout.blobs.holds(descriptor.digest, descriptor.size, full=self._full):
                self._progress.state(descriptor.digest, State.PRESENT)
                path = self._layout.blobs.path(descriptor.digest)
                return Transferred(descriptor.digest, "present", 0, None, path)
            started = time.monotonic()
            with claim_part(self._layout.root, descriptor.digest) as part:
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
        with _disk_errors(self._part), self._part.open("a+b") as file:
            verifier = self._take_up(file)
            for pause in self._pauses():
                try:
                    verifier = self._append(file, verifier)
                    break
                except RangeError:
                    verifier = self._restart(file)
                except (AuthError, RateLimitError):
                    raise
                except TransportError:
                    if pause is None:
                        raise
                    time.sleep(pause)
            self._progress.state(self._descriptor.digest, State.VERIFYING)
            verifier.check()
            file.flush()
            os.fsync(file.fileno())

    def _pauses(self) -> Iterator[float | None]:
        """Give the pause after each try; None after the last."""
        for number in range(self._settings.retries):
            yield FIRST_PAUSE_SECONDS * 2**number
        yield None

    def _take_up(self, file: BinaryIO) -> Verifier:
        """Hash what there is of an earlier download."""
        verifier = Verifier(self._descriptor.digest, self._descriptor.size)
        file.seek(0, os.SEEK_END)
        if not resume_offset(file.tell(), self._descriptor.size):
            file.truncate(0)
            return verifier
        file.seek(0)
        while chunk := file.read(CHUNK):
            check_stopped()
            verifier.update(chunk)
        self._resumed = True
        self._progress.advance(self._descriptor.digest, verifier.seen)
        return verifier

    def _append(self, file: BinaryIO, verifier: Verifier) -> Verifier:
        if verifier.seen == self._descriptor.size:
            return verifier
        self._progress.state(self._descriptor.digest, State.DOWNLOADING)
        with self._source.open_blob(self._descriptor, offset=verifier.seen) as blob:
            if blob.offset != verifier.seen:  # the whole came where a part was asked for
                verifier = self._restart(file)
            for chunk in blob.chunks():
                self.fetched += len(chunk)
                verifier.update(chunk)
                file.write(chunk)
                self._progress.advance(self._descriptor.digest, len(chunk))
        if verifier.seen < self._descriptor.size:
            raise TransportError(
                f"{self._descriptor.digest} ended after {verifier.seen:,} of {self._descriptor.size:,} bytes"
            )
        return verifier

    def _restart(self, file: BinaryIO) -> Verifier:
        file.flush()
        self._progress.advance(self._descriptor.digest, -file.seek(0, os.SEEK_END))
        file.truncate(0)
        self._resumed = False
        return Verifier(self._descriptor.digest, self._descriptor.size)

    def _throw_away(self) -> None:
        with suppress(FileNotFoundError):
            self._progress.advance(self._descriptor.digest, -self._part.stat().st_size)
            self._part.unlink()
        self._resumed = False


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "Free some space, or choose another folder by destination= or ocinb.settings.store_dir"
        raise TransportError(f"{path.parent} cannot be written: {error.strerror}", hint=hint) from None
