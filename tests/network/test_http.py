"""Questions go the way that their surroundings say, end at a stop, and bring what came."""

from __future__ import annotations

from socket import socket

import pytest

from ocinb._pool import run_all
from ocinb._settings import settings
from ocinb.errors import InvalidError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.sources.session import default_session
from tests.patience import until
from tests.sources.servers import closed_port, listening, open_host, saying
from tests.transferring import BLOB, describe, open_repository


def test_this_machine_is_not_asked_through_a_proxy(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://{closed_port()}")
    assert open_repository(registry).tags()


def test_others_are_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def talk(connection: socket) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    with listening(talk) as host:
        monkeypatch.setenv("https_proxy", f"http://ada:hidden@{host}")
        with pytest.raises(TransportError) as caught:
            open_host("registry.example").tags()
    assert heard[0].startswith(b"CONNECT registry.example:443 ")
    assert "hidden" not in str(caught.value)


def test_an_endless_error_is_read_as_far_as_the_limit() -> None:
    settings.max_answer_bytes = 100_000

    def talk(connection: socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 500 Oh\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with listening(talk) as host:
        default_session().endpoint(host)._sure = True
        with pytest.raises(TransportError, match="answered 500"), open_host(host).open_blob(describe(BLOB)):
            pytest.fail("an error passed as a blob")


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_after_a_stop_nothing_new_is_asked(registry: SampleRegistry, kind: str) -> None:
    settings.concurrency, settings.timeout = 1, 600
    registry.fault("/v2/demo/*", delay=600, times=None)
    source = open_repository(registry)
    default_session().endpoint(registry.host)._sure = True
    wanted = [registry.put_blob(bytes(number)) for number in range(3)]

    def work(number: int) -> object:
        if number == 1:
            until(lambda: registry.requests)
            raise InvalidError("this is why")
        return source.small_blob(wanted[number]) if kind == "blobs" else source.resolve(f"{number}.0")

    with pytest.raises(InvalidError, match="this is why"):
        run_all(work, [0, 1, 2], workers=3)
    assert len(registry.requests) == 1


@pytest.mark.parametrize("length", [b"Content-Length: 2\r\n", b""])
def test_an_answer_with_and_without_a_length(length: bytes) -> None:
    with listening(saying(b"HTTP/1.1 200 OK\r\n" + length + b"Connection: close\r\n\r\n{}")) as host:
        assert open_host(host).tags() == []
