"""Connections take nothing along that they should not, and read no further than the limit."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import requests

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.network.connections import open_adapter, prepared, read_upto
from ocinb.network.tls import Trust
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.server import SocketServer
from ocinb.sources.session import close_default_session, default_session
from ocinb.spec.digest import Digest
from tests.sources.servers import listening, open_host
from tests.transferring import BLOB, describe, open_repository


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
