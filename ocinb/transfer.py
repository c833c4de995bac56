"""Transfers: blobs from a source into a layout. Resumed, verified, and only then given their name."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ocinb._pool import alone, check_stopped, pause, run_all
from ocinb._settings import Settings
from ocinb.errors import IntegrityError, OcinbError, TransportError
from ocinb.network.refusals import RangeError
from ocinb.progress.protocol import Progress, State
from ocinb.sources.base import Source
from ocinb.spec.digest import Digest, Verifier
from ocinb.spec.documents import Descriptor
from ocinb.storage.blobs import CHUNK, disk_errors
from ocinb.storage.layout import Layout
from ocinb.storage.parts import TakenError, check_part, claim_part, lock_part, remove_abandoned

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

        Of several sizes that are said of one digest only one is right: a job with another fails, and the result of the
        digest is that of the right one.

        Raises
        ------
        OcinbError
            The first error, if errors is ``"raise"``; else it is the job's result.
        """
        wanted: dict[tuple[Digest, int], Job] = {}
        for job in jobs:
            wanted.setdefault((job.descriptor.digest, job.descriptor.size), job)

        def attempt(job: Job) -> Transferred | OcinbError:
            try:
                return self._named(job)
            except OcinbError as error:
                self._progress.state(job.descriptor.digest, State.FAILED)
                if errors == "raise":
                    raise
                return error

        done: dict[Digest, Transferred | OcinbError] = {}
        results = run_all(attempt, wanted.values(), workers=self._settings.concurrency)
        for (digest, _), result in zip(wanted, results, strict=True):
            if isinstance(result, Transferred) or digest not in done:
                done[digest] = result
        return done

    def _named(self, job: Job) -> Transferred:
        try:
            return self._transfer(job)
        except OcinbError as error:
            error.reference = error.reference or job.name
            raise

    def _transfer(self, job: Job) -> Transferred:
        with alone((self._layout.root, job.descriptor.digest)):  # those that wait find it present
            try:
                return self._present(job.descriptor) or self._download(job)
            except TakenError:  # whoever took it over may have completed it by now
                return self._present(job.descriptor) or self._download(job)

    def _present(self, descriptor: Descriptor) -> Transferred | None:
        blobs, digest = self._layout.blobs, descriptor.digest
        if not blobs.holds(digest, descriptor.size, full=self._full):
            return None
        self._progress.state(digest, State.PRESENT)
        return Transferred(digest, "present", 0, None, blobs.path(digest))

    def _download(self, job: Job) -> Transferred:
        started, digest = time.monotonic(), job.descriptor.digest
        download = _Download(job, self._layout, self._settings, self._progress)
        with disk_errors(self._layout.root):
            path = download.run()
        self._progress.state(digest, State.DONE)
        return Transferred(digest, download.outcome, download.fetched, time.monotonic() - started, path)


class _Download:
    """One blob on its way into its part, and from there to its final name."""

    def __init__(self, job: Job, layout: Layout, settings: Settings, progress: Progress) -> None:
        self.fetched = 0
        self._descriptor = job.descriptor
        self._source = job.source
        self._layout = layout
        self._settings = settings
        self._progress = progress
        self._resumed = False
        self._told = 0  # how far the progress is
        self._verifier = Verifier(job.descriptor.digest)  # has seen what is in the part, at any time

    @property
    def outcome(self) -> str:
        """Say whether an earlier download was of use."""
        return "resumed" if self._resumed else "downloaded"

    def run(self) -> Path:
        """Complete the part, prove it, and give it its name; what is wrong is fetched once more from zero."""
        root, digest, size = self._layout.root, self._descriptor.digest, self._descriptor.size
        with claim_part(root, digest, size) as part:
            for last in (False, True):
                with part.open("a+b") as file:
                    lock_part(file)
                    try:
                        self._complete(file)
                        check_part(file, part, size)
                        path = self._layout.blobs.adopt(part, digest)  # while the lock is still held
                        break
                    except (IntegrityError, TakenError) as error:
                        if self._verifier.seen < size:  # no byte is wrong, but the size that was said
                            raise
                        self._restart(file)
                        part.unlink(missing_ok=True)
                        if last or isinstance(error, TakenError):
                            raise
        remove_abandoned(root, digest)
        return path

    def _complete(self, file: BinaryIO) -> None:
        self._take_up(file)
        self._fetch_rest(file)
        self._progress.state(self._descriptor.digest, State.VERIFYING)
        self._verifier.check()
        file.flush()
        os.fsync(file.fileno())

    def _take_up(self, file: BinaryIO) -> None:
        """Hash what there is of an earlier download."""
        self._verifier = Verifier(self._descriptor.digest)
        file.seek(0)
        while chunk := file.read(CHUNK):
            check_stopped()
            self._verifier.update(chunk)
        if self._verifier.seen:
            self._resumed = True
            self._advance(self._verifier.seen)

    def _fetch_rest(self, file: BinaryIO) -> None:
        """Fetch what is missing; a connection that breaks is made anew, where it broke."""
        for attempt in range(self._settings.retries + 1):
            try:
                self._append(file)
                break
            except TransportError as error:
                # What could not even be opened was asked for again already, by whoever opens.
                if not error.resumable or attempt == self._settings.retries:
                    raise
                pause(FIRST_PAUSE_SECONDS * 2**attempt)

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
                self._hash(chunk)
                file.write(chunk)
                file.flush()  # what was fetched is never fetched again, whatever happens now
                self._advance(len(chunk))
        if self._verifier.seen < self._descriptor.size:
            raise self._too_short()

    def _hash(self, chunk: bytes) -> None:
        self._verifier.update(chunk)
        digest, size = self._descriptor.digest, self._descriptor.size
        if self._verifier.seen > size:
            raise IntegrityError(f"{digest} has to be {size:,} bytes long, but more came")

    def _too_short(self) -> OcinbError:
        """Tell a download that broke off from a blob that is whole, and shorter than was said."""
        digest, seen, size = self._descriptor.digest, self._verifier.seen, self._descriptor.size
        try:
            self._verifier.check()
        except IntegrityError:
            told = TransportError(f"{digest} ended after {seen:,} of {size:,} bytes")
            told.resumable = True
            return told
        return IntegrityError(f"{digest} has to be {size:,} bytes long, but has {seen:,}")

    def _restart(self, file: BinaryIO) -> None:
        self._advance(-self._told)
        file.truncate(0)
        self._resumed = False
        self._verifier = Verifier(self._descriptor.digest)

    def _advance(self, amount: int) -> None:
        self._told += amount
        self._progress.advance(self._descriptor.digest, amount)
