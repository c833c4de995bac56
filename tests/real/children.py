"""Real processes that pull, a hundred of them in seconds: each is a fork of one that has imported everything."""

from __future__ import annotations

import difflib  # noqa: F401 - here already when a child may no longer read the files of this Python
import faulthandler
import multiprocessing
import os
import signal
import tempfile
import traceback
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import ocinb
from ocinb.errors import OcinbError
from ocinb.storage import blob_locks, file_locks
from tests.patience import SECONDS

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "pandas",
        "requests_cache",
        "humanize",
        "ocinb.frames.contents",
        "ocinb.frames.pulling",
        "ocinb.catalog.catalog",
        "ocinb.sources.docker_archive",
        "ocinb.sources.layout",
        "ocinb.storage.responses",
        "tests.hostile.layertables",
        __name__,
    ]
)


@dataclass(frozen=True)
class Pull:
    """What a process shall pull, after it has done what it shall do `first` to itself."""

    reference: str | tuple[str, ...]
    home: Path  # its store and its cache are here
    destination: Path | None = None
    platform: str | None = None
    verify: str = "size"
    first: tuple[partial[None], ...] = ()
    options: dict[str, Any] = field(default_factory=dict)  # its settings

    @property
    def layout(self) -> Path:
        return self.destination or self.home / "store"


@dataclass(frozen=True)
class Pulled:
    """What a process said at its end: rows of the frame, or an error of ocinb's."""

    rows: list[dict[Hashable, Any]] = field(default_factory=list)
    error: str | None = None
    hint: str | None = None
    kind: str | None = None

    @property
    def outcomes(self) -> list[str]:
        return [row["outcome"] for row in self.rows]

    def outcome_of(self, digest: str) -> str:
        """What became of one blob."""
        return next(str(row["outcome"]) for row in self.rows if row["digest"] == digest)

    @property
    def fetched(self) -> int:
        """The bytes that came over the line, as the frame counts them."""
        return sum(row["fetched_bytes"] for row in self.rows)


class Child:
    """A process at work."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._answer, answering = _context.Pipe(duplex=False)
        with tempfile.NamedTemporaryFile(delete=False) as stacks:
            self._stacks = Path(stacks.name)
        weakref.finalize(self, self._stacks.unlink)
        self.process = _context.Process(target=_work, args=(work, answering, self._stacks), daemon=True)
        self.process.start()
        answering.close()

    def kill(self) -> None:
        """End it as the kernel would, and wait until it is gone."""
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        """Wait for its end, however it comes; give how it ended, as a negative number the signal that ended it."""
        self.process.join(SECONDS)
        code = self.process.exitcode
        self._assert_over(over=code is not None)
        return code or 0

    def result(self) -> Any:
        """Wait for what it has to say."""
        self._assert_over(over=self._answer.poll(SECONDS))
        said = self._answer.recv()
        assert self.wait() == 0
        assert not isinstance(said, str), said
        return said

    def _assert_over(self, *, over: bool) -> None:
        if not over and self.process.pid:
            os.kill(self.process.pid, signal.SIGABRT)  # it writes where it stands
            self.process.join(SECONDS)
        stood = self._stacks.read_text()
        assert over, f"it hangs:\n{stood}"


def start(pull: Pull) -> Child:
    """Let a process of its own pull."""
    return Child(partial(run, pull))


def pull_in_child(pull: Pull) -> Pulled:
    """Pull in a process of its own, to the end."""
    result = start(pull).result()
    assert isinstance(result, Pulled)
    return result


def run(pull: Pull) -> Pulled:
    """Pull in this process, which has to be a child."""
    blob_locks.STALLED_SECONDS = file_locks.LOCK_SECONDS = 600.0  # who stands still may be the machine
    ocinb.settings.store_dir, ocinb.settings.cache_dir = pull.home / "store", pull.home / "cache"
    for name, value in pull.options.items():
        setattr(ocinb.settings, name, value)
    for act in pull.first:
        act()
    references = pull.reference if isinstance(pull.reference, str) else list(pull.reference)
    try:
        frame = ocinb.pull(
            references,
            platform=pull.platform,
            destination=pull.destination,
            verify=pull.verify,  # type: ignore[arg-type]  # one of two words
            progress=False,
        )
    except OcinbError as error:
        return Pulled(error=str(error), hint=error.hint, kind=type(error).__name__)
    return Pulled(frame[["digest", "blob_bytes", "fetched_bytes", "outcome", "path"]].to_dict("records"))


def _work(work: Callable[[], object], answer: Connection, stacks: Path) -> None:
    faulthandler.enable(stacks.open("w", encoding="utf-8"))
    try:
        answer.send(work())
    except BaseException:
        answer.send(traceback.format_exc())
        raise
