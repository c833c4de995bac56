"""Connections take nothing along that they should not, and read no further than the limit."""

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

import ocinb
from ocinb._pool import StoppedError, check_stopped, run_all
from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.network.connections import prepared
from ocinb.network.dns import Network, SocketAddress
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.server import SocketServer
from ocinb.sources.session import close_default_session, default_session
from ocinb.spec.digest import Digest
from tests.patience import SECONDS, Stopwatch, until
from tests.scripts import TELLING_THAT_IT_WAITS
from tests.sources.servers import listening, open_host
from tests.transferring import open_repository


def test_a_netrc_opens_nothing_and_leaks_nowhere(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    open_repository(registry).resolve("2.0")
    assert [request.header("Authorization") for request in registry.requests] == [None]


def test_cookies_are_not_kept(registry: SampleRegistry) -> None:
    registry.fault("*/manifests/*", headers={"Set-Cookie": "session=cookie-of-somebody"}, times=None)
    source = open_repository(registry)
    source.resolve("1.0")
    source.resolve("2.0")
    assert [request.header("Cookie") for request in registry.requests] == [None, None]
    close_default_session()
    assert b"cookie-of-somebody" not in b"".join(path.read_bytes() for path in settings.cache_dir.iterdir())


def endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
    while True:
        connection.sendall(b" " * 65536)


@pytest.mark.parametrize("url", ["", "/v2/", "http://", "http://registry.example:port/", "http://*.example/"])
def test_what_is_no_address_is_a_value_that_is_wrong(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|parse"):
        prepared("GET", url, {})


def test_an_endless_answer_is_given_up_at_the_limit() -> None:
    settings.max_manifest_bytes = settings.max_list_bytes = 1_000_000
    with listening(endless) as host:
        source = open_host(host)
        default_session().endpoint(host)._sure = True
        for ask in (lambda: source.resolve("1"), source.tags, lambda: source.small_blob(Digest.of(b"x"))):
            with pytest.raises(InvalidError, match=r"1,000,000"):
                ask()


@pytest.mark.parametrize("token", [False, True])
def test_a_registry_never_sees_more_connections_than_were_allowed(
    monkeypatch: pytest.MonkeyPatch,
    token: bool,  # noqa: FBT001 - a row
) -> None:
    most: list[int] = []
    accept = SocketServer.process_request

    def process_request(self: SocketServer, request: Any, client_address: Any) -> None:
        most.append(len(self._connections) + 1)
        accept(self, request, client_address)

    monkeypatch.setattr(SocketServer, "process_request", process_request)
    settings.concurrency = 3
    with start_registry(token=token) as registry:
        digest = ocinb.document(registry.reference("demo/shop:2.0")).digest
        for number in range(100):
            registry.tag("demo/shop", f"t{number}", digest)
        # By name, by digest, by HEAD, and blobs: all that there is.
        names = [registry.reference(f"demo/shop:t{number}") for number in range(100)]
        assert set(ocinb.layers(names, platform="all")["reference"]) == set(names)
        assert len(ocinb.tags(registry.reference("demo/shop"), digests=True)) > len(names)
        assert set(ocinb.pull(names[0], platform="all", progress=False)["outcome"]) == {"downloaded", "present"}
    assert max(most) == settings.concurrency


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
