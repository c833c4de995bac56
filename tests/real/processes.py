"""Servers that others wrote, as processes of a test session, each on loopback and ended with it."""

import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.patience import SECONDS

_STOP_SECONDS = 60  # who has not ended by then is killed


@dataclass(frozen=True)
class Running:
    """A server that takes calls at `host`."""

    host: str
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """End it as the kernel would: it finishes nothing, and says goodbye to nobody."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)


@contextmanager
def running(
    command: Sequence[str | Path], *, log: Path, says: str, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Start a server, and wait until its log `says` (a pattern with one group) at which host it listens."""
    words = [str(word) for word in command]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
        ) as process,
    ):
        try:
            yield Running(_wait_for_host(process, log, says), process)
        finally:
            _end(process)


def free_host() -> str:
    """Find a port for those who have to be told one, below those that the kernel gives to who wants any."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return f"127.0.0.1:{port}"


def promised(seconds: float) -> float:
    """Give how long a promise allows here and now: it is not made for a machine with two to do for each core."""
    return seconds * max(1.0, os.getloadavg()[0] / (2 * (os.cpu_count() or 1)))


def answers(host: str) -> bool:
    name, _, port = host.rpartition(":")
    try:
        socket.create_connection((name.strip("[]"), int(port)), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def _wait_for_host(process: "subprocess.Popen[bytes]", log: Path, says: str) -> str:
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        found = re.search(says, log.read_text(encoding="utf-8"))
        if found and answers(found[1]):
            return found[1]
        time.sleep(0.02)
    said = log.read_text(encoding="utf-8")[-2000:]
    pytest.fail(f"{process.args!r} does not listen: {said}", pytrace=False)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
