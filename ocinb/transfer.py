"""Transfers: blobs from a source into a layout. Resumed, verified, and only then given their name.

A part is gone on with by ``Range`` alone: an ``If-Range`` would compare the ETag of one server with that of another,
where redirects lead to many, and the digest says more. What comes has to say itself that it begins where the part ends.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ocinb._pool import alone, check_stopped, pause, run_all
from ocinb._settings import Settings
from ocinb.errors import IntegrityError, OcinbError, TransportError
from ocinb.network.connection_errors import FIRST_HINTS
from ocinb.network.status_errors import RangeError
from ocinb.progress.protocol import NoProgress, Progress, State
from ocinb.sources.base import Source
from ocinb.spec.digest import Digest, Verifier
from ocinb.spec.documents import Descriptor
from ocinb.storage.blob_locks import Part, TakenError, lock_part
from ocinb.storage.blobs import CHUNK, SMALL, Blobs
from ocinb.storage.disk_space import Room, beyond, free_bytes, needed_bytes, no_room
from ocinb.storage.layout import Layout
from ocinb.storage.partial_downloads import NOTHING_ARRIVED, Arrived, list_arrived, remove_abandoned
from ocinb.storage.safe_files import disk_errors, settle, write_all

FIRST_PAUSE_SECONDS = 0.2
_KEPT = "What came is kept; the next pull goes on from there"

Wanted = tuple[Digest, int]  # a blob by what is said of it: several sizes may be, of which one is right


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
    """A number of jobs into one layout."""

    def __init__(self, layout: Layout, settings: Settings, progress: Progress, *, verify: str) -> None:
        self._layout = layout
        self._settings = settings
        self._progress = progress
        self._full = verify == "full"
        self._downloads: list[_Download] = []  # all that were begun, also those that failed

    @property
    def fetched_bytes(self) -> int:
        """Say how many bytes came, also of what failed."""
        return sum(download.fetched for download in self._downloads)

    @property
    def kept(self) -> set[Digest]:
        """Say of which blobs that were fetched there is something: all of it, or what the next one goes on from."""
        return {download.digest for download in self._downloads if download.count.told}

    def run(self, jobs: Sequence[Job], *, errors: str) -> dict[Digest, Transferred | OcinbError]:
        """Do the jobs, each digest once.

        Of several sizes that are said of one digest only one is right: a job with another fails, and the result of the
        digest is that of the right one.

        Raises
        ------
        OcinbError
            The first error, if errors is ``"raise"``; else it is the job's result.
        """
        wanted: dict[Wanted, Job] = {}
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

        refused = self._refused(wanted)
        for digest, _ in refused:
            self._progress.state(digest, State.FAILED)
        if refused and errors == "raise":
            raise next(iter(refused.values()))
        todo = [job for key, job in wanted.items() if key not in refused]
        results = run_all(attempt, todo, workers=self._settings.concurrency)
        done: dict[Digest, Transferred | OcinbError] = {digest: error for (digest, _), error in refused.items()}
        for job, result in zip(todo, results, strict=True):
            if isinstance(result, Transferred) or job.descriptor.digest not in done:
                done[job.descriptor.digest] = result
        return done

    def _refused(self, jobs: Mapping[Wanted, Job]) -> dict[Wanted, OcinbError]:
        """Give those for which the disk has no room, before anything is fetched for them."""
        root = self._layout.root
        with disk_errors(root):
            free, arrived = free_bytes(root), list_arrived(root)
            rooms = [self._room(job.descriptor, arrived) for job in jobs.values()]
        if free is None or needed_bytes(rooms) <= free:
            return {}
        over = [key for key, is_over in zip(jobs, beyond(rooms, free), strict=True) if is_over]
        return {key: no_room(root, needed_bytes(rooms), free, jobs[key].name) for key in over}

    def _room(self, descriptor: Descriptor, arrived: Mapping[str, Arrived]) -> Room:
        if self._layout.blobs.size(descriptor.digest) == descriptor.size:
            return Room(0)
        return arrived.get(descriptor.digest, NOTHING_ARRIVED).room_for(descriptor.size)

    def _named(self, job: Job) -> Transferred:
        try:
            return self._transfer(job)
        except OcinbError as error:
            error.reference = error.reference or job.name
            if isinstance(error, TransportError):
                self._advise(error, job)
            raise

    def _advise(self, error: TransportError, job: Job) -> None:
        """Say what is kept; whether the name is right nobody has to ask who had something from there."""
        is_gone, kept = error.hint in FIRST_HINTS, self.kept
        if job.descriptor.digest in kept:
            error.hint = f"{error.hint}. {_KEPT}" if error.hint and not is_gone else _KEPT
        elif kept and is_gone:  # other blobs may have come from elsewhere
            error.hint = f"Can this machine still reach it? {_KEPT}"

    def _transfer(self, job: Job) -> Transferred:
        root = self._layout.root
        with disk_errors(root), alone((root, job.descriptor.digest)):  # those that wait find it present
            try:
                return self._present(job.descriptor) or self._download(job)
            except TakenError:  # whoever took it over may have completed it by now
                return self._present(job.descriptor) or self._download(job)

    def _present(self, descriptor: Descriptor) -> Transferred | None:
        blobs, digest = self._layout.blobs, descriptor.digest
        is_told = self._full or descriptor.size > SMALL  # what is small is hashed each time, and in no time
        with _Count(self._progress if is_told else NoProgress(), digest) as count:
            if not blobs.holds(digest, descriptor.size, full=self._full, hashed=count.hash):
                return None
            count.stay()
        remove_abandoned(self._layout.root, digest)  # of one that died while it waited for this, for instance
        self._progress.state(digest, State.PRESENT)
        return Transferred(digest, "present", 0, None, blobs.path(digest))

    def _download(self, job: Job) -> Transferred:
        started, root, blob = time.monotonic(), self._layout.root, job.descriptor
        with (
            _Count(self._progress, blob.digest) as theirs,
            lock_part(root, blob.digest, blob.size, waiting=theirs.wait) as part,
        ):
            theirs.take_back()
            found = self._present(blob) if part.waited else None
            if found is not None:
                part.path.unlink(missing_ok=True)  # what there was of an earlier download
                return found
            download = _Download(job, part, self._settings, self._progress)
            self._downloads.append(download)
            path = download.run(self._layout.blobs)
        if not part.lone:
            remove_abandoned(root, blob.digest)
        self._progress.state(blob.digest, State.DONE)
        return Transferred(blob.digest, download.outcome, download.fetched, time.monotonic() - started, path)


class _Count:
    """How far the progress of a blob was told to be, so that it can be taken back: at the end of a block it is."""

    def __init__(self, progress: Progress, digest: Digest) -> None:
        self.told = 0
        self._progress = progress
        self._digest = digest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.take_back()

    def stay(self) -> None:
        """Take nothing back of what was told so far."""
        self.told = 0

    def advance(self, amount: int) -> None:
        self.told += amount
        self._progress.advance(self._digest, amount)

    def take_back(self) -> None:
        if self.told:
            self.advance(-self.told)

    def hash(self, amount: int) -> None:
        """Tell of bytes that were here, and are hashed again."""
        check_stopped()
        if not self.told:
            self._progress.state(self._digest, State.VERIFYING)
        self.advance(amount)

    def wait(self, size: int) -> None:
        """Tell how many bytes another process has by now; whoever is told again that a task waits knows that."""
        if not self.told:
            self._progress.state(self._digest, State.WAITING)
        if size != self.told:
            self.advance(size - self.told)


class _Download:
    """One blob on its way into its part."""

    def __init__(self, job: Job, part: Part, settings: Settings, progress: Progress) -> None:
        self.fetched = 0
        self.digest = job.descriptor.digest
        self.count = _Count(progress, self.digest)
        self._descriptor = job.descriptor
        self._source = job.source
        self._part = part
        self._file = part.file
        self._settings = settings
        self._progress = progress
        self._resumed = False
        self._verifier = Verifier(job.descriptor.digest)  # has seen what is in the part, at any time

    @property
    def outcome(self) -> str:
        """Say whether an earlier download was of use."""
        return "resumed" if self._resumed else "downloaded"

    def run(self, blobs: Blobs) -> Path:
        """Complete the part, prove it, and give it its name; what is wrong is fetched once more from zero."""
        self._take_up()
        was_wrong = False
        while True:
            try:
                self._complete()
                return self._named(blobs)
            except IntegrityError as error:
                if self._verifier.seen < self._descriptor.size:  # no byte is wrong, but the size that was said
                    raise
                self._restart()
                if was_wrong:
                    error.hint = error.hint or "It came twice and was wrong both times; nothing of it is kept"
                    raise
                was_wrong = True
            except TakenError:
                self.count.take_back()
                self._part.path.unlink(missing_ok=True)
                raise

    def _complete(self) -> None:
        self._fetch_rest()
        self._progress.state(self.digest, State.VERIFYING)
        self._verifier.check()
        try:
            settle(self._file.fileno())
        except OSError:  # what could not be written may be read all the same until a power cut: nothing vouches for it
            self._restart()
            raise

    def _named(self, blobs: Blobs) -> Path:
        """Give the part its final name, while nobody else can have it."""
        self._part.check(self._descriptor.size)
        try:
            return blobs.adopt(self._part.path, self._descriptor.digest)
        except TransportError:
            self._part.check(self._descriptor.size)  # it may have been taken over in this very moment
            raise

    def _take_up(self) -> None:
        """Hash what there is of an earlier download."""
        self._verifier = Verifier(self._descriptor.digest)
        if not self._part.begun:
            return
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            check_stopped()
            self._verifier.update(chunk)
            self.count.advance(len(chunk))
        self._resumed = self._verifier.seen > 0

    def _fetch_rest(self) -> None:
        """Fetch what is missing; a connection that breaks is made anew, where it broke.

        A line may break as often as it likes, as long as it brings a MiB in between.
        """
        tries, furthest = 0, self._verifier.seen
        while True:
            try:
                return self._append()
            except TransportError as error:
                gained, furthest = self._verifier.seen - furthest, max(furthest, self._verifier.seen)
                tries = 1 if gained >= CHUNK else tries + 1
                # Whoever opens has asked again already, but for less than it takes a registry to start again; that this
                # one is there is known by what it said before.
                is_gone = error.unreachable and error.passing
                if not (error.resumable or is_gone) or tries > self._settings.retries:
                    raise
                pause(FIRST_PAUSE_SECONDS * 2 ** (tries - 1))

    def _append(self) -> None:
        if self._verifier.seen == self._descriptor.size:
            return
        self._progress.state(self.digest, State.DOWNLOADING)
        try:
            self._receive()
        except RangeError:
            if not self._verifier.seen:
                raise
            self._restart()
            self._receive()

    def _receive(self) -> None:
        with self._source.open_blob(self._descriptor, offset=self._verifier.seen) as blob:
            if blob.offset != self._verifier.seen:  # the whole came where a part was asked for
                self._restart()
            for chunk in blob.chunks():
                self.fetched += len(chunk)
                self._hash(chunk)
                write_all(self._file, chunk)  # what was fetched is never fetched again, whatever happens now
                self.count.advance(len(chunk))
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

    def _restart(self) -> None:
        self.count.take_back()
        self._file.truncate(0)
        self._resumed = False
        self._verifier = Verifier(self._descriptor.digest)
