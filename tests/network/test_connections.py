"""Connections take nothing along that they should not, read no further than the limit, and end at a stop."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

import ocinb
from ocinb._pool import StoppedError, check_stopped, run_all
from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.network.connections import open_adapter, prepared, read_upto
from ocinb.network.resolving import Door, Network
from ocinb.network.trust import Trust
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.sockets import SocketServer
from ocinb.sources.session import close_default_session, default_session
from ocinb.spec.digest import Digest
from tests.sources.servers import listening, open_host
from tests.transferring import BLOB, describe, open_repository

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
settings.timeout = 30
endpoint = default_session().endpoint(name)
endpoint._base, endpoint._sure = f"{scheme}://{name}", True
source = open_source(Reference(f"{name}/demo/shop"), session=default_session())
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
try:
    run_all(source.resolve, ["1.0", "2.0"], workers=2)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


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


def test_bytes_are_asked_for_as_they_are(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    source = open_repository(registry)
    source.resolve("2.0")
    with source.open_blob(describe(BLOB)) as blob:
        assert b"".join(blob.chunks()) == BLOB
    assert {request.header("Accept-Encoding") for request in registry.requests} == {"identity"}
    assert all((request.header("User-Agent") or "").startswith("ocinb/") for request in registry.requests)


def endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
    while True:
        connection.sendall(b" " * 65536)


def test_a_request_has_nothing_of_the_one_before() -> None:
    url = "https://registry.example/token"
    first = prepared("POST", url, {"Authorization": "Bearer s3cret", "accept": "a/b"}, b"s3cret")
    assert (first.method, first.url, first.body, first.headers["Content-Length"]) == ("POST", url, b"s3cret", "6")
    assert first.headers["Accept"] == "a/b"
    second = prepared("GET", url, {})
    assert (second.method, second.url, second.body) == ("GET", url, None)
    assert {name.lower() for name in second.headers} == {"user-agent", "accept-encoding", "accept"}


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


def test_what_is_read_slowly_ends_when_another_fails() -> None:
    begun = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        begun.set()
        connection.recv(1)

    def work(what: str) -> object:
        if what == "fail":
            assert begun.wait(20)
            raise InvalidError("this is why")
        return source.resolve(what)

    with listening(talk) as host:
        source = open_host(host)
        default_session().endpoint(host)._sure = True
        with pytest.raises(InvalidError, match="this is why"):
            run_all(work, ["slow", "fail"], workers=2)
        assert [thread.name for thread in threading.enumerate() if thread.name.startswith("ocinb")] == []


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
        both.wait(60)
        connection.recv(65536)

    with listening(talk) as host:
        monkeypatch.setenv("https_proxy", f"http://{host}")
        command = [sys.executable, "-c", INTERRUPTED, "registry.example" if proxied else host, scheme, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            both.wait(60)
            time.sleep(0.2)  # both wait for the answer
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            try:
                output = process.communicate(timeout=60)
            finally:
                process.kill()
            taken = time.monotonic() - began
    assert output == ("interrupted\n", "")
    assert process.returncode == 0
    assert taken < SOON_SECONDS


def outcome_of_a_stop(base: str, waits: threading.Event) -> list[type[BaseException]]:
    """Ask a server, stop when it waits, and give what that came to."""
    outcome: list[type[BaseException]] = []
    endpoint = default_session().endpoint(urlsplit(base).netloc)
    endpoint._base, endpoint._sure = base, True
    source = open_host(endpoint.registry)

    def work(what: str) -> object:
        if what == "fail":
            assert waits.wait(20)
            raise InvalidError("this is why")
        try:
            return source.resolve(what)
        except BaseException as error:
            outcome.append(type(error))
            raise

    with pytest.raises(InvalidError, match="this is why"):
        run_all(work, ["1.0", "fail"], workers=2)
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
    waits = threading.Event()
    heard: list[bytes] = []

    class Slow(Network):
        def call(self, door: Door, seconds: float, options: Sequence[Any] = ()) -> socket.socket:
            connected = super().call(door, seconds, options)
            waits.set()
            with suppress(StoppedError):
                while True:
                    check_stopped()
                    time.sleep(0.002)
            return connected

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))

    monkeypatch.setattr("ocinb.network.resolving.network", Slow())
    with listening(talk) as host:
        assert outcome_of_a_stop(f"{scheme}://{host}", waits) == [StoppedError]
    assert heard == [b""]


def test_a_proxy_with_connections_of_its_own_keeps_them() -> None:
    class Other:
        pass

    adapter = open_adapter(settings, Trust(settings))
    request = requests.Request("GET", "http://a.example/").prepare()
    pool: Any = adapter.get_connection_with_tls_context(request, verify=True)
    assert pool.ConnectionCls.__module__ == "ocinb.network.connections"
    pool.ConnectionCls = Other
    pool = adapter.get_connection_with_tls_context(request, verify=True)
    assert pool.ConnectionCls is Other


@pytest.mark.parametrize(
    ("chunks", "read"),
    [([], b""), ([b"abc"], b"abc"), ([b"ab", b"cd"], b"abcd"), ([b"abc", b"def"], b"abcde"), ([b"abcdefgh"], b"abcde")],
)
def test_a_body_is_read_as_far_as_a_byte_over_the_limit(chunks: Iterable[bytes], read: bytes) -> None:
    assert read_upto(chunks, 4) == read


def test_of_a_long_body_no_more_is_asked_for() -> None:
    chunks = iter([b"abc", b"def", b"ghi"])
    assert len(read_upto(chunks, 4)) == 5
    assert list(chunks) == [b"ghi"]


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


@pytest.mark.parametrize(("idle", "lines"), [(60.0, 1), (0.0, 2)])
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
    settings.tag_ttl, settings.timeout = 0, 20
    with listening(talk) as host:
        source = open_host(host)
        assert source.tags() == source.tags() == []
    assert len(set(heard)) == lines
