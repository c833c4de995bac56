"""Transfers in processes that are killed, interrupted, or not alone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.progress.protocol import State
from ocinb.samples import registry as start_registry
from ocinb.samples.tars import noise
from ocinb.spec.documents import Descriptor
from ocinb.storage.layout import Layout
from ocinb.storage.partial_downloads import HOST, left_here
from tests.patience import Stopwatch, until
from tests.scripts import Script
from tests.storage.leftparts import TOKEN, name_of, put
from tests.transferring import BLOB, Log, Place

# What a process sees of another one in a container that has the same host name; on some file systems no lock either.

PATIENT = """
from ocinb.storage import blob_locks

blob_locks.STALLED_SECONDS = 600.0  # who stands still may be the machine
"""


TELLING = """
import logging

logging.basicConfig(level=logging.WARNING, format="%(message)s")
logging.getLogger("ocinb").setLevel(logging.INFO)
"""


Start = Callable[..., Script]


PULL = """
import os, signal, sys, threading, time
from pathlib import Path
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.storage.layout import Layout
from ocinb.storage.partial_downloads import HOST, left_here
from tests.scripts import Script
from tests.storage.leftparts import TOKEN, name_of, put
from tests.transferring import Place

class Registry:
    def reference(self, name):
        return f"{sys.argv[1]}/{name}"

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
if "HELD" in os.environ:
    print("ready", flush=True)
    sys.stdin.readline()
wanted = [text.split("=") for text in sys.argv[3:]]
blobs = [Descriptor("application/octet-stream", Digest(digest), int(size)) for digest, size in wanted]
try:
    results = Place(Registry(), Layout(Path(sys.argv[2]))).run(*blobs)
    print(" ".join(result.outcome for result in results.values()))
except KeyboardInterrupt:
    print(time.monotonic())
    for thread in threading.enumerate()[1:]:
        thread.join(60)  # one that has done its work needs a moment to go
    print("interrupted, threads:", [thread.name for thread in threading.enumerate()])
"""


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr("ocinb.storage.blob_locks.STALLED_SECONDS", 600.0)
    with start_registry(bandwidth=100_000) as running:
        yield Place(running, Layout(tmp_path / "layout"))


@pytest.fixture
def start(slow: Place, tmp_path: Path) -> Iterator[Start]:
    started: list[Script] = []

    def start_pull(*blobs: Descriptor, where: str = "", held: bool = False) -> Script:
        arguments = [slow.registry.host, str(slow.layout.root), *(f"{blob.digest}={blob.size}" for blob in blobs)]
        own = {"OCINB_STORE_DIR": str(tmp_path / "own-store"), "OCINB_CACHE_DIR": str(tmp_path / "own-cache")}
        process = Script(PATIENT + where + PULL, *arguments, env=own | ({"HELD": "yes"} if held else {}))
        started.append(process)
        if held:
            assert process.line() == "ready"
        return process

    yield start_pull
    for process in started:
        process.end()


class Far(Log):
    """Notes how far a blob was at each time."""

    def __init__(self) -> None:
        super().__init__()
        self.far: list[int] = []

    def advance(self, key: str, amount: int) -> None:
        super().advance(key, amount)
        self.far.append(self.received[key])


def wait_for_bytes(place: Place, count: int, *, parts: int = 1) -> None:
    until(lambda: sum(_size(part) >= count for part in place.parts) >= parts)


def _size(part: Path) -> int:
    """Give how much has come; nothing of a part that has become a blob meanwhile."""
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def interrupt(process: Script) -> None:
    """Send Ctrl-C, and see that the caller has it back within two seconds; how long the interpreter ends is its own."""
    with Stopwatch() as watch:
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    caught, _, said = output.strip().partition("\n")
    assert (process.returncode, errors, said) == (0, "", "interrupted, threads: ['MainThread']")
    assert watch.between(sent, float(caught)) < 2  # this clock is one for all processes


def test_after_a_kill_another_process_goes_on_where_the_first_was(slow: Place, start: Start) -> None:
    blob = slow.put()
    first = start(blob)
    wait_for_bytes(slow, 50_000)
    first.kill()
    first.wait()
    [size] = [part.stat().st_size for part in slow.parts]
    assert 50_000 <= size < len(BLOB)
    assert slow.stands(blob) is None
    slow.registry._bandwidth = None
    second = start(blob)
    assert second.communicate()[0].split() == ["resumed"]
    assert slow.asked() == [None, f"bytes={size}-"]
    assert slow.stands(blob) == BLOB
    assert slow.parts == []


def test_of_two_processes_one_fetches_and_the_other_waits(slow: Place, start: Start) -> None:
    blob = slow.put(BLOB[:100_000])
    first, told = start(blob), Far()
    wait_for_bytes(slow, 10_000)
    slow.log = told
    result = slow.fetch(blob)
    assert (result.outcome, result.fetched_bytes) == ("present", 0)
    assert told.states[blob.digest] == [State.WAITING, State.PRESENT]
    assert told.received[blob.digest] == 0, "what the other one has is taken back"
    assert 10_000 <= told.far[0] < told.far[-2] <= 100_000
    assert told.far[:-1] == sorted(told.far[:-1])
    assert first.communicate()[0].split() == ["downloaded"]
    assert slow.asked() == [None]
    assert slow.stands(blob) == BLOB[:100_000]
    assert slow.parts == []


def test_what_was_left_here_goes_when_another_process_completes_the_blob(slow: Place, start: Start) -> None:
    blob = slow.put(BLOB[:100_000])
    first = start(blob)
    wait_for_bytes(slow, 10_000)
    left = put(slow.layout.root, name_of(f"{HOST}.{os.getpid()}.{TOKEN}", blob.digest), BLOB[:50_000])
    left_here.add(left)
    assert slow.fetch(blob).outcome == "present"
    assert first.communicate()[0].split() == ["downloaded"]
    assert slow.asked() == [None]
    assert slow.parts == []


def test_who_waits_goes_on_when_the_other_is_killed(slow: Place, start: Start) -> None:
    blob = slow.put()
    second, first = start(blob, where=TELLING, held=True), start(blob)
    wait_for_bytes(slow, 50_000)
    second.say()
    assert second.stderr.readline() == f"another process fetches {blob.digest}\n"
    first.kill()
    first.wait()
    assert second.communicate()[0].split() == ["resumed"]
    assert slow.stands(blob) == BLOB
    assert slow.parts == []


def test_an_interrupt_stops_at_once_keeps_the_parts_and_leaves_no_thread(slow: Place, start: Start) -> None:
    blobs = [slow.put(noise(f"slow {number}", 10_000_000)) for number in range(3)]
    process = start(*blobs)
    wait_for_bytes(slow, 1000, parts=3)
    interrupt(process)
    assert all(slow.stands(blob) is None for blob in blobs)
    assert [part.stat().st_size > 0 for part in slow.parts] == [True] * 3
