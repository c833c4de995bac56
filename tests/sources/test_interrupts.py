"""Ctrl-C ends every kind of waiting at once, and leaves no thread and no warning behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.logins import install_helper
from tests.patience import SECONDS, Stopwatch, until
from tests.scripts import TELLING_THAT_IT_WAITS
from tests.sources.servers import listening

# Far less than the time-outs, and far more than a busy machine needs.
SOON_SECONDS = 6.0

WAITING = """
import os, signal, socket, sys, threading
import ocinb

host, folder, resolver_hangs = sys.argv[1], sys.argv[2], sys.argv[3] == "yes"
ocinb.settings.store_dir, ocinb.settings.cache_dir = folder + "/store", folder + "/cache"
ocinb.settings.timeout = 600
resolve = socket.getaddrinfo
left = threading.Event()


def hang(*arguments, **options):
    os.write(1, b"resolving\\n")  # in one piece: two threads say it
    left.wait(600)
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


if resolver_hangs:
    socket.getaddrinfo = hang
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
threading.Thread(target=tell_that_it_waits).start()
try:
    ocinb.layers([f"{host}/demo/shop:1.0", f"{host}/demo/shop:2.0"])
except KeyboardInterrupt:
    print("interrupted", flush=True)
left.set()
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(60)
print(threading.active_count(), flush=True)
"""

Talk = Callable[[socket.socket, threading.Event], None]


def challenging(challenge: str) -> Talk:
    """Refuse all without authorization; say nothing to who asks for a token."""

    def talk(line: socket.socket, waits: threading.Event) -> None:
        while asked := line.recv(65536):
            if asked.startswith(b"GET /token"):
                waits.set()
                continue
            line.sendall(f"HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n".encode())

    return talk


def saying_and_waiting(begin: bytes, drop: bytes = b"") -> Talk:
    """Begin to answer, and go on for ever with a byte now and then, or with none."""

    def talk(line: socket.socket, waits: threading.Event) -> None:
        line.recv(65536)
        line.sendall(begin)
        waits.set()
        while drop:
            line.sendall(drop)
            time.sleep(0.05)
        line.recv(65536)

    return talk


PHASES: dict[str, Talk] = {
    "until it is told when to come back": saying_and_waiting(
        b"HTTP/1.1 429 No\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
    ),
    "for headers that never end": saying_and_waiting(b"HTTP/1.1 200 OK\r\nX-", b"x"),
    "for a body that never ends": saying_and_waiting(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{", b" "),
    "for a token": challenging('Bearer realm="/token"'),
    "for a credential helper": challenging('Basic realm="x"'),
    "for a resolver": saying_and_waiting(b""),
}


@pytest.mark.parametrize("phase", PHASES)
def test_an_interrupt_ends_what_waits(phase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = threading.Event()
    helper = install_helper(tmp_path / "bin", monkeypatch)
    helper.does(sleep=600, user="ada", secret="s3cret")
    (tmp_path / "config.json").write_text('{"credsStore": "fake"}' if "helper" in phase else "{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with listening(lambda line: PHASES[phase](line, waits)) as host:
        name = "registry.example" if "resolver" in phase else host
        command = [sys.executable, "-X", "dev", "-c", TELLING_THAT_IT_WAITS + WAITING, name, str(tmp_path)]
        command.append("yes" if name != host else "no")
        with (
            Stopwatch() as watch,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        ):
            assert process.stdout is not None
            said = process.stdout.readline()
            while said == "resolving\n":
                said = process.stdout.readline()
            assert said == "waiting\n"
            if "helper" in phase:
                until(lambda: helper.calls)
            elif name == host:
                assert waits.wait(SECONDS)
            time.sleep(0.2)  # all threads have come to where they wait
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            try:
                told, warned = process.communicate(timeout=SECONDS)
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
            taken = watch.between(began, time.monotonic())
    assert (told.replace("resolving\n", ""), warned) == ("interrupted\n1\n", "")
    assert taken < SOON_SECONDS
