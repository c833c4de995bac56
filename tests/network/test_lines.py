"""Lines end at a stop, whatever they wait for, and are not used again once they lay idle."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ocinb._pool import StoppedError, check_stopped, run_all
from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.network.dns import Network, SocketAddress
from ocinb.sources.session import default_session
from tests.patience import SECONDS, Stopwatch, until
from tests.scripts import TELLING_THAT_IT_WAITS
from tests.sources.servers import listening, open_host

# Far less than the time-outs, and far more than a busy machine needs.
SOON_SECONDS = 6.0

INTERRUPTED = """
import signal, sys
from pathlib import Path
from ocinb._pool import run_all
from ocinb._settings import settings
from ocinb.sources.session import default_session, open_source
from ocinb.spec.reference import Reference

name, scheme, folder = sys.argv[1:]
settings.store_dir = settings.cache_dir = Path(folder)
settings.timeout = 600
endpoint = default_session().endpoint(name)
endpoint._base, endpoint._sure = f"{scheme}://{name}", True
source = open_source(Reference(f"{name}/demo/shop"), session=default_session())
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
threading.Thread(target=tell_that_it_waits).start()
try:
    run_all(source.resolve, ["1.0", "2.0"], workers=2)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_what_is_read_slowly_ends_when_another_fails() -> None:
    begun = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        begun.set()
        connection.recv(1)

    def work(what: str) -> object:
        if what == "fail":
            assert begun.wait(SECONDS)
            raise InvalidError("this is why")
        return source.resolve(what)

    settings.timeout = 600
    with listening(talk) as host:
        source = open_host(host)
        default_session().endpoint(host)._sure = True
        with pytest.raises(InvalidError, match="this is why"):
            run_all(work, ["slow", "fail"], workers=2)
        until(lambda: not any(thread.name.startswith("ocinb") for thread in threading.enumerate()))


@pytest.mark.parametrize(
    ("scheme", "proxied"),
    [("http", False), ("https", False), ("https", True)],
    ids=["before the headers", "in the TLS handshake", "in the tunnel of a proxy"],
)
def test_an_interrupt_ends_a_process_that_waits_for_a_silent_server(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    proxied: bool,  # noqa: FBT001 - a row
) -> None:
    both = threading.Barrier(3)

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        both.wait(SECONDS)
        connection.recv(65536)

    with listening(talk) as host:
        monkeypatch.setenv("https_proxy", f"http://{host}")
        script, name = TELLING_THAT_IT_WAITS + INTERRUPTED, "registry.example" if proxied else host
        command = [sys.executable, "-c", script, name, scheme, str(tmp_path)]
        with (
            Stopwatch() as watch,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        ):
            assert process.stdout is not None
            assert process.stdout.readline() == "waiting\n"
            both.wait(SECONDS)
            time.sleep(0.2)  # both wait for the answer
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            try:
                output = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
            taken = watch.between(began, time.monotonic())
    assert output == ("interrupted\n", "")
    assert process.returncode == 0
    assert taken < SOON_SECONDS


def outcome_of_a_stop(base: str, waits: threading.Event) -> list[type[BaseException]]:
    """Ask a server, stop when it waits, and give what that came to."""
    outcome: list[type[BaseException]] = []
    settings.timeout = 600
    endpoint = default_session().endpoint(urlsplit(base).netloc)
    endpoint._base, endpoint._sure = base, True
    source = open_host(endpoint.registry)

    def work(what: str) -> object:
        if what == "fail":
            assert waits.wait(SECONDS)
            raise InvalidError("this is why")
        try:
            return source.resolve(what)
        except BaseException as error:
            outcome.append(type(error))
            raise

    with pytest.raises(InvalidError, match="this is why"):
        run_all(work, ["1.0", "fail"], workers=2)
    until(lambda: outcome)
    return outcome


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_ends_a_silent_connection_is_the_stop_and_no_error(scheme: str) -> None:
    waits = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        waits.set()
        connection.recv(65536)

    with listening(talk) as host:
        assert outcome_of_a_stop(f"{scheme}://{host}", waits) == [StoppedError]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_comes_about_after_the_stop_is_not_used(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, over = threading.Event(), threading.Event()
    heard: list[bytes] = []

    class Slow(Network):
        def call(self, door: SocketAddress, seconds: float, options: Sequence[Any] = ()) -> socket.socket:
            connected = super().call(door, seconds, options)
            waits.set()
            with suppress(StoppedError):
                while True:
                    check_stopped()
                    time.sleep(0.002)
            return connected

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        over.set()

    monkeypatch.setattr("ocinb.network.dns.network", Slow())
    with listening(talk) as host:
        assert outcome_of_a_stop(f"{scheme}://{host}", waits) == [StoppedError]
        assert over.wait(SECONDS)
    assert heard == [b""]


@pytest.mark.parametrize(("idle", "lines"), [(600.0, 1), (0.0, 2)])
def test_a_connection_that_nobody_has_used_for_long_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch, idle: float, lines: int
) -> None:
    heard: list[int] = []

    def talk(connection: socket.socket) -> None:
        number = len(set(heard))
        while connection.recv(65536):
            heard.append(number)
            # As after a router has forgotten the line: no word, and no end.
            if heard.count(number) == 1 or lines == 1:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    monkeypatch.setattr("ocinb.network.connections.IDLE_SECONDS", idle)
    settings.tag_ttl, settings.timeout = 0, SECONDS
    with listening(talk) as host:
        source = open_host(host)
        assert source.tags() == source.tags() == []
    assert len(set(heard)) == lines
