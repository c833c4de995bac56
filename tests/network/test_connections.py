"""Connections take nothing along that they should not, and read no further than the limit."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import ocinb
from ocinb._pool import StoppedError, run_all
from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.network.connections import prepared
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.server import SocketServer
from ocinb.sources.session import default_session
from ocinb.spec.digest import Digest
from tests.patience import SECONDS, until
from tests.sources.servers import listening, open_host
from tests.transferring import open_repository


def test_a_netrc_opens_nothing_and_leaks_nowhere(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    open_repository(registry).resolve("2.0")
    assert [request.header("Authorization") for request in registry.requests] == [None]


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
