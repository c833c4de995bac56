"""A pull that is asked to stop, as people ask: by Ctrl-C, or by the system that shuts down."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.patience import SECONDS, Stopwatch
from tests.real import aftermath, children, tools
from tests.real.children import Pull
from tests.real.dockerregistry import DockerRegistry
from tests.real.processes import promised
from tests.real.realimages import RealImages
from tests.real.sluices import Sluice, sluice

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
ENOUGH = 500_000
PLAIN = "import sys, ocinb; ocinb.pull(sys.argv[1])"
# What somebody does in a notebook, where the process stays: it says when it has the word again, and who is still there.
CAUGHT = """
import sys, threading, time, ocinb
try:
    ocinb.pull(sys.argv[1])
except KeyboardInterrupt:
    print(time.monotonic())
    for thread in threading.enumerate()[1:]:
        thread.join(60)
    print([thread.name for thread in threading.enumerate()])
"""


@dataclass(frozen=True)
class Held:
    """An image, over a line that holds in the middle of it."""

    pull: Pull
    origin: str
    manifest_bytes: int
    line: Sluice

    def has_come(self) -> bool:
        """Say whether all came that comes."""
        return aftermath.bytes_in(self.pull.layout) == ENOUGH + self.manifest_bytes


@pytest.fixture
def held(docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path) -> Iterator[Held]:
    with sluice(docker_registry.host) as (relay, line):
        line.let_pass(ENOUGH)
        origin = real_images.busybox_oci
        yield Held(Pull(relay.name(origin), tmp_path), origin, len(tools.skopeo_raw(origin)), line)


@contextmanager
def pulling(code: str, held: Held) -> Iterator[subprocess.Popen[str]]:
    """Run a program until it has what comes; it never ends by itself."""
    pull = held.pull
    own = {"OCINB_STORE_DIR": str(pull.home / "store"), "OCINB_CACHE_DIR": str(pull.home / "cache")}
    command = [sys.executable, "-c", f"import signal; signal.signal(2, signal.default_int_handler)\n{code}"]
    with subprocess.Popen(
        [*command, str(pull.reference)],
        cwd=ROOT,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + SECONDS
            while not held.has_come():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline, "nothing comes"
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def check_that_it_goes_on(held: Held) -> None:
    """See that the next pull fetches what is missing and no more, and that others read what it leaves."""
    assert aftermath.only_whole_blobs(held.pull.layout)
    assert held.line.hang_up() == ENOUGH
    pulled = children.pull_in_child(held.pull)
    assert pulled.fetched == held.line.hang_up() == sum(row["blob_bytes"] for row in pulled.rows) - ENOUGH
    assert aftermath.no_parts(held.pull.layout)
    assert aftermath.only_whole_blobs(held.pull.layout)
    assert aftermath.verified(held.pull.layout)
    assert aftermath.accepted_by_peers(held.pull.layout, str(held.pull.reference), origin=held.origin)


def test_ctrl_c_gives_the_word_back_within_two_seconds_and_loses_nothing(held: Held) -> None:
    with Stopwatch() as watch, pulling(CAUGHT, held) as process:
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=SECONDS)
    caught, threads = said.split("\n", 1)
    assert (process.returncode, errors, threads.strip()) == (0, "", "['MainThread']")
    assert watch.between(sent, float(caught)) < promised(2), "the promise; this clock is one for all processes"
    check_that_it_goes_on(held)


def test_ctrl_c_in_a_program_that_does_not_expect_it_ends_it_with_a_short_traceback(held: Held) -> None:
    with pulling(PLAIN, held) as process:
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, said) == (-signal.SIGINT, "")
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert errors.count("Traceback") == 1, "one, and none of a thread"
    assert len(re.findall(r'^  File "', errors, re.MULTILINE)) <= 8
    check_that_it_goes_on(held)


def test_a_program_that_the_system_ends_loses_nothing(held: Held) -> None:
    with pulling(PLAIN, held) as process:
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, said, errors) == (-signal.SIGTERM, "", "")
    check_that_it_goes_on(held)


def test_a_dead_process_that_nobody_waited_for_keeps_nothing_for_itself(held: Held) -> None:
    # As in a container whose first process buries nobody: the kernel still knows the number, and says that it is there.
    with pulling(PLAIN, held) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        os.kill(process.pid, 0)
        parts = aftermath.parts_of(held.pull.layout)
        assert parts != []
        for part in parts:
            os.utime(part, (time.time() - 60, time.time() - 60))  # it was killed a while ago
        check_that_it_goes_on(held)
