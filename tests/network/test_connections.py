"""Connections take nothing along that they should not, and read no further than the limit."""

from __future__ import annotations

import gzip
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import ocinb
from ocinb._pool import StoppedError, run_all
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.network.connection_errors import reason_of, root_of
from ocinb.network.connections import prepared
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.server import SocketServer
from ocinb.sources.session import close_default_session, default_session
from ocinb.spec.digest import Digest
from tests.internet import Internet
from tests.patience import SECONDS, until
from tests.sources.servers import closed_port, listening, open_host, saying
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


BODY = b'{"name":"demo/shop","tags":["secret-1"]}'
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ZIPPED = gzip.compress(BODY)

GOOD = {
    "chunked": CHUNKED + CHUNK + b"0\r\n\r\n",
    "chunked, with more behind it": CHUNKED + CHUNK + b"0\r\n\r\nHTTP/1.1 500 No\r\n\r\n",
    "chunked, with a trailer": CHUNKED + CHUNK + b"0\r\nX: y\r\n\r\n",
    "chunked, and a length that is not that": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
    + CHUNK
    + b"0\r\n\r\n",
    "the same length twice": HEAD + LENGTH + LENGTH + b"\r\n" + BODY,
    "a length that is none": HEAD + b"Content-Length: x\r\n\r\n" + BODY,
    "no length": HEAD + b"\r\n" + BODY,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "100 before it": b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + LENGTH + b"\r\n" + BODY,
    "103 before it": b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=next\r\n\r\n" + HEAD + LENGTH + b"\r\n" + BODY,
    "a folded header": HEAD + b"X: a\r\n b\r\n" + LENGTH + b"\r\n" + BODY,
    "an encoding that nobody knows": HEAD + LENGTH + b"Content-Encoding: dcb\r\n\r\n" + BODY,
}
BAD = {
    "a chunk without a length": (CHUNKED + b"zz\r\n" + BODY, "not as long as was said"),
    "a chunk that breaks off": (CHUNKED + CHUNK[:20], "not as long as was said"),
    "chunks without an end": (CHUNKED + CHUNK, "ended prematurely|not as long as was said"),
    "an endless length of a chunk": (CHUNKED + b"f" * 70_000, "not as long as was said|chunk size"),
    "two lengths": (HEAD + LENGTH + b"Content-Length: 5\r\n\r\n" + BODY, "is no HTTP: it has several lengths"),
    "a longer length": (HEAD + b"Content-Length: 5000\r\n\r\n" + BODY, "40 bytes came, and 4,960 more were promised"),
    "a flood of headers": (HEAD + b"X: y\r\n" * 200 + b"\r\n" + BODY, "is no HTTP: got more than 100 headers"),
    "a long header": (HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n" + BODY, "is no HTTP: got more than 65536 bytes"),
    "a long status": (b"HTTP/1.1 200 " + b"y" * 70_000 + b"\r\n\r\n", "is no HTTP: got more than 65536 bytes"),
    "100 for ever": (b"HTTP/1.1 100 Continue\r\n\r\n" * 100, "is no HTTP: too much comes before it"),
    "103 for ever": (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, "is no HTTP: too much comes before it"),
    "nothing": (b"", "without response"),
    "half a status": (b"HTTP/1.1 2", "ended within the headers"),
    "half a length": (HEAD + b"Content-Length: 4", "ended within the headers"),
    "half a name": (HEAD + b"Content-Len", "ended within the headers"),
    "no end of the headers": (HEAD + LENGTH, "ended within the headers"),
    "half of what comes before it": (b"HTTP/1.1 103 Early Hints\r\nLink: </x", "ended within the headers"),
    "no status": (BODY, "is no HTTP: it does not begin with a status"),
    "a status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n" + BODY, "does not begin with a status"),
    "HTTP/2": (b"HTTP/2 200 OK\r\n\r\n" + BODY, "is no HTTP"),
    "an alert of TLS": (b"\x15\x03\x01\x00\x02\x02\x50", "does not begin with a status"),
    "204 with a body": (b"HTTP/1.1 204 No Content\r\n" + LENGTH + b"\r\n" + BODY, "answered 204"),
    "304 out of nowhere": (b"HTTP/1.1 304 Not Modified\r\n\r\n", "answered 304"),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "answered 101"),
}


@pytest.fixture(autouse=True)
def _once() -> None:
    settings.retries = 0


def sure(host: str) -> None:
    default_session().endpoint(host)._sure = True


@pytest.mark.parametrize(("raw", "words"), BAD.values(), ids=BAD)
def test_a_broken_answer(raw: bytes, words: str) -> None:
    with listening(saying(raw)) as host:
        for ask in (lambda: open_host(host).tags(), lambda: open_host(host).small_blob(Digest.of(BODY))):
            close_default_session()  # a line that is just being closed breaks one way or the other
            sure(host)
            with pytest.raises(TransportError, match=words) as caught:
                ask()
            assert "secret" not in str(caught.value)
            assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_document_that_was_zipped_on_the_way_is_what_it_was_before() -> None:
    with listening(saying(HEAD + b"Content-Encoding: gzip\r\n\r\n" + ZIPPED)) as host:
        sure(host)
        assert open_host(host).tags() == ["secret-1"]
        with pytest.raises(IntegrityError):  # the bytes of a blob are as they came; it may be a gzip itself
            open_host(host).small_blob(Digest.of(BODY))
    with listening(saying(HEAD + b"Content-Encoding: gzip\r\n\r\n" + ZIPPED)) as host:
        sure(host)
        assert open_host(host).small_blob(Digest.of(ZIPPED)).raw == ZIPPED


def test_a_bomb_is_read_as_far_as_the_limit() -> None:
    settings.max_list_bytes = 1_000_000
    bomb = gzip.compress(b"[" + b" " * 30_000_000 + b"]")
    with listening(saying(HEAD + b"Content-Encoding: gzip\r\n\r\n" + bomb)) as host:
        sure(host)
        with pytest.raises(InvalidError, match="larger than the limit of 1,000,000 bytes"):
            open_host(host).tags()


def test_who_takes_no_call_is_told_with_the_time_that_it_had(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.timeout = 0.3

    def nobody(*_: object, **__: object) -> None:
        raise TimeoutError

    internet.names["slow.example"] = ["93.184.216.34"]
    monkeypatch.setattr(internet, "call", nobody)
    with pytest.raises(TransportError, match=r"slow.example took no call within 0.3 s .*firewall"):
        open_host("slow.example").tags()


def test_a_stop_is_heard_while_nobody_takes_the_call(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = threading.Event()

    def is_open(*_: object) -> bool:
        calls.set()
        return False

    monkeypatch.setattr("ocinb.network.dns._is_open", is_open)
    monkeypatch.setattr("ocinb.network.connection_errors.CONNECT_SECONDS", 600.0)
    settings.timeout = 600
    internet.names["slow.example"] = ["127.0.0.1"]
    outcome: list[type[BaseException]] = []

    def work(what: str) -> object:
        if what == "fail":
            assert calls.wait(SECONDS)
            raise InvalidError("this is why")
        try:
            return open_host("slow.example:1").tags()
        except BaseException as error:
            outcome.append(type(error))
            raise

    with pytest.raises(InvalidError, match="this is why"):
        run_all(work, ["ask", "fail"], workers=2)
    until(lambda: outcome)
    assert outcome == [StoppedError]


@pytest.mark.parametrize(
    ("variable", "proxy", "words"),
    [
        ("https_proxy", "http://ada:hidden@{closed}", "lets nobody through: Connection refused"),
        ("HTTPS_PROXY", "http://ada:hidden@{refusing}", "lets nobody through: .*407 Proxy Authentication Required"),
        ("ALL_PROXY", "http://ada:hidden@{refusing}", "lets nobody through: .*407"),
        ("https_proxy", "http://ada:hidden@", "its address cannot be used|no address"),
        ("all_proxy", "socks5h://ada:hidden@{closed}", "PySocks|Connection refused|SOCKS"),
        ("https_proxy", "ada:hidden@{closed}", "lets nobody through: Connection refused"),
    ],
)
def test_a_proxy_in_the_way(monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str, words: str) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
    with listening(saying(refusal)) as refusing:
        monkeypatch.setenv(variable, proxy.format(closed=closed_port(), refusing=refusing))
        with pytest.raises(TransportError, match=words) as caught:
            open_host("registry.example").tags()
    assert "hidden" not in str(caught.value)
    assert "registry.example" in str(caught.value)


def test_a_chain_of_exceptions_that_bites_its_tail_has_an_end() -> None:
    one, other = ValueError(), ValueError()
    one.args, other.args = (other,), (one,)
    assert root_of(one) in (one, other)
    assert reason_of(OSError()) == "OSError"
