"""Connections: they call the very address that was judged, end at a stop, and give answers as bytes or streams.

Whoever waits in a connection cannot look whether somebody has said stop; the connection is ended under it instead.
"""

from __future__ import annotations

import functools
import http.client
import http.cookiejar
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from ocinb import __version__
from ocinb._pool import check_stopped, woken_by
from ocinb._settings import Settings
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.network import dns
from ocinb.network.addresses import safe_url
from ocinb.network.connection_errors import CONNECT_SECONDS, broke
from ocinb.network.dns import SocketAddress
from ocinb.network.exchange import Watch, exchange_context, observers
from ocinb.network.redirects import AstrayError, astray
from ocinb.network.tls import Network, Trust
from ocinb.spec import mediatypes

# The library passes over 100 by itself, as often as it comes.
_INTERIM = frozenset({102, 103})
MAX_INTERIM = 20


class _Lines:
    """The lines before a body, of which none may be missing: the library takes an end of the line for their end.

    A length of which only the first digits came would make a body look whole, or wrong.
    """

    def __init__(self, file: Any) -> None:
        self.file = file
        self._begun = False

    def readline(self, limit: int) -> bytes:
        line: bytes = self.file.readline(limit)
        is_cut = not line.endswith(b"\n") and len(line) < limit
        is_http = self._begun or (line and line[:5] == b"HTTP/"[: len(line)])
        if is_cut and is_http:
            raise http.client.RemoteDisconnected("the connection ended within the headers")
        self._begun = True
        return line

    def close(self) -> None:
        self.file.close()


class Head(http.client.HTTPResponse):
    """Passes over what comes before an answer, such as early hints, but not for ever; has one length or none."""

    _left = MAX_INTERIM

    def begin(self) -> None:
        """Read up to the body.

        Raises
        ------
        http.client.HTTPException
            If the connection ends before, or two lengths are said.
        """
        self.fp: Any
        lines = self.fp = _Lines(self.fp)
        try:
            super().begin()
        finally:
            if self.fp is lines:  # an answer without a body has been closed by now
                self.fp = lines.file
        lengths = self.headers.get_all("content-length", ())
        # Two who read it may see two answers; the library would find out too late to close what it opened.
        if len(lengths) > 1 and len(set(",".join(lengths).replace(" ", "").split(","))) > 1:
            raise http.client.HTTPException("it has several lengths")

    def _read_status(self) -> tuple[Any, int, str]:
        read: Callable[[], tuple[Any, int, str]] = super()._read_status  # type: ignore[misc] # the library hides it
        version, status, reason = read()
        while status in _INTERIM and self._left:
            http.client.parse_headers(self.fp)
            self._left -= 1
            version, status, reason = read()
        self._left -= 1
        if self._left < 0:
            raise http.client.HTTPException("too much comes before it")
        return version, status, reason


# Routers forget a connection that nobody uses, and tell neither end: what is sent on it is lost without a word.
IDLE_SECONDS = 60.0


class Line(HTTPConnection):
    """Calls the very address that was judged, and is woken from all its waiting by a stop."""

    response_class = Head
    _line: socket.socket | None = None
    _peer: SocketAddress | None = None
    _used = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether it can be used again; asked before each question."""
        return super().is_connected and time.monotonic() - self._used < IDLE_SECONDS

    def _new_conn(self) -> socket.socket:
        self.sock = self._call()
        self._line = self.sock.dup()  # TLS takes the socket itself away
        check_stopped()  # there was no line yet that a stop could have ended
        return self.sock

    def _call(self) -> socket.socket:
        try:
            peers = self._judged(dns.network.peers(self._dns_host, self.port))
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        for last, peer in enumerate(peers, start=1):
            try:
                line = dns.network.call(peer, self.timeout or CONNECT_SECONDS, self.socket_options or ())
            except OSError as error:
                if last == len(peers):
                    raise _not_taken(self, error) from error
                continue
            self._peer = peer
            exchange_context.get().whereabouts.note(self.host.lower(), peer.range)
            return line
        raise NewConnectionError(self, f"{self.host} has no address")

    def _judged(self, peers: Sequence[SocketAddress]) -> list[SocketAddress]:
        found = _open_doors(self.host, peers)
        return found if self._is_checked() else _peers_within(self.host, found, exchange_context.get().open_in)

    def _is_checked(self) -> bool:
        return False

    def connect(self) -> None:
        """Call, and agree on TLS where that is spoken."""
        try:
            with woken_by(self._hang_up):
                super().connect()
        finally:
            if self._line is not None:
                self._line.close()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.shutdown(socket.SHUT_RDWR)

    def request(self, *arguments: Any, **options: Any) -> None:
        """Send a question, if who asks may go where this leads."""
        if self._peer is not None:
            # A line that was made for somebody who may go there is none for somebody who may not.
            self._judged([self._peer])
        self._used = time.monotonic()
        super().request(*arguments, **options)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3 itself
        """Wait for the answer, or a stop."""
        with woken_by(partial(self.sock.shutdown, socket.SHUT_RDWR)):
            return super().getresponse()


class SecureLine(Line, HTTPSConnection):
    """The same over TLS."""

    def _is_checked(self) -> bool:
        return self.ssl_context is not None and self.ssl_context.verify_mode == ssl.CERT_REQUIRED

    def connect(self) -> None:
        """Call and agree on TLS."""
        super().connect()
        self.is_verified = True  # or in insecure_registries: its owner knows, and needs no warning at each connection


def _open_doors(host: str, peers: Sequence[SocketAddress]) -> list[SocketAddress]:
    """Leave out the addresses to which the host that led here may not lead.

    Raises
    ------
    AstrayError
        If none is left.
    """
    reach = exchange_context.get().reach
    if reach is None:
        return list(peers)
    found = [peer for peer in peers if peer.range in reach]
    if peers and not found:
        raise astray(host, peers[0].range)
    return found


def _peers_within(host: str, peers: list[SocketAddress], networks: tuple[Network, ...]) -> list[SocketAddress]:
    """Leave out the addresses at which a host may not be called in the clear.

    Raises
    ------
    AstrayError
        If none is left.
    """
    found = [peer for peer in peers if not networks or any(peer.ip in network for network in networks)]
    if peers and not found:
        where = ", ".join(map(str, networks))
        raise AstrayError(f"{host} is at {peers[0].ip}, and insecure_registries lets it do without TLS in {where} only")
    return found


def _not_taken(connection: Line, error: OSError) -> Exception:
    if isinstance(error, TimeoutError):
        return ConnectTimeoutError(connection, "nobody takes the call")
    return NewConnectionError(connection, f"{error.strerror or error}")


# What is asked of a connection at a time.
CHUNK = 1024 * 1024

_NO_COOKIES = requests.cookies.RequestsCookieJar()
_HEADERS = {"User-Agent": f"ocinb/{__version__}", "Accept-Encoding": "identity", "Accept": "*/*"}


def open_adapter(settings: Settings, trust: Trust) -> HTTPAdapter:
    """Open the one set of connections that all sessions share, so that no host sees more of them than it has to."""
    return _Adapter(trust, pool_connections=32, pool_maxsize=max(10, 2 * settings.concurrency))


def configured(session: requests.Session, adapter: HTTPAdapter) -> requests.Session:
    """Make a session that sends what it is told and nothing else, over connections of our own."""
    session.trust_env = False  # ~/.netrc would replace a token, and follow a redirect
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    # The library prepares a redirect that it shall not follow: it reads the whole body, and trips over bad addresses.
    session.get_redirect_target = lambda _: None  # type: ignore[assignment, method-assign]
    session.headers.clear()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def prepared(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> requests.PreparedRequest:
    """Make a request of these parts and no others.

    The library's sessions merge it with what ours never have, cookies and hooks, which takes as long as an exchange.

    Raises
    ------
    ValueError
        If the address is none.
    """
    request = requests.PreparedRequest()
    request.url = normal(url)
    request._cookies = _NO_COOKIES  # type: ignore[attr-defined]  # noqa: SLF001 - a jar of each request's own takes as long as all the rest
    request.method = method
    request.headers = CaseInsensitiveDict({**_HEADERS, **headers})
    request.prepare_body(body, None)
    return request


@functools.lru_cache(1000)
def normal(url: str) -> str:
    """Give an address as it goes over the wire.

    Raises
    ------
    ValueError
        If it is none.
    """
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return request.url or ""


def read_upto(chunks: Iterable[bytes], limit: int) -> bytes:
    """Read a body, or one byte more of it than a limit, by which it is known to be too long."""
    parts, room = [], limit + 1
    for chunk in chunks:
        check_stopped()
        parts.append(chunk[:room])
        room -= len(chunk)
        if room <= 0:
            break
    return b"".join(parts)


_OURS: dict[Any, Any] = {HTTPConnection: Line, HTTPSConnection: SecureLine}


class _Adapter(HTTPAdapter):
    """Reads a body only as far as the caller's limit, before any cache or parser sees it."""

    def __init__(self, trust: Trust, **options: Any) -> None:
        self._trust = trust
        super().__init__(**options)

    def build_connection_pool_key_attributes(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> Any:
        host, _options = super().build_connection_pool_key_attributes(request, verify=True)
        return host, {"ssl_context": self._trust.context(request.url or "")} if host["scheme"] == "https" else {}

    def cert_verify(self, *_: Any) -> None:
        """Do nothing: the context says it all, and the library would read its own bundle at each connection."""

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        if proxy.lower().startswith("https:"):
            options["proxy_ssl_context"] = self._trust.context(proxy)
        return super().proxy_manager_for(proxy, **options)

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = _OURS.get(pool.ConnectionCls, pool.ConnectionCls)  # a SOCKS proxy has one of its own
        return pool

    def send(self, request: requests.PreparedRequest, stream: bool = False, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # noqa: FBT001, FBT002 - the signature of requests
        if not observers.get():
            return self._exchange(request, None, stream=stream, **kwargs)
        watch = Watch(request, exchange_context.get().reason)
        return self._exchange(request, watch, stream=stream, **kwargs)

    def _exchange(
        self, request: requests.PreparedRequest, watch: Watch | None, *, stream: bool, **kwargs: Any
    ) -> requests.Response:
        response: requests.Response | None = None
        body = b""
        try:
            response = super().send(request, stream=stream, **kwargs)
            response.headers.pop("Set-Cookie", None)  # a session of somebody's; not to be kept on a disk
            response.cookies.clear()
            response.headers.pop("Vary", None)  # all that our questions differ in is in the key of what is kept
            if not stream:
                response._content = body = _body(response)  # noqa: SLF001 - requests has no other way
                response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
        finally:
            if watch is not None and (response is None or not stream):
                watch.over(response, body)
        if stream:
            response.watch = watch  # type: ignore[attr-defined] # told when it is over
        return response


def _body(response: requests.Response) -> bytes:
    limit = exchange_context.get().limit
    with response, woken_by(response.raw.shutdown):
        body = read_upto(response.iter_content(CHUNK), limit)
    if len(body) > limit:
        hint = "ocinb.settings has the limits: max_manifest_bytes, max_list_bytes, max_answer_bytes"
        raise InvalidError(
            f"the answer is larger than the limit of {limit:,} bytes", url=safe_url(response.url), hint=hint
        )
    return body


def nothing_kept() -> None:
    """Do nothing: there is no answer to be forgotten."""


# The whole of what was asked for, or a part that was.
GOOD = frozenset({200, 206})


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers (their names in lower case) and a whole body.

    It does not show what it has: the body of a token service is a token, and a signed address opens a door.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)
    from_cache: bool = False
    kept_at: float = 0.0  # if it was kept: when it came or was confirmed, in seconds since 1970
    forget: Callable[[], None] = field(default=nothing_kept, repr=False, compare=False)  # if it proves wrong


class Stream:
    """The body of an answer, as it arrives."""

    forget = staticmethod(nothing_kept)

    def __init__(self, response: requests.Response, url: str) -> None:
        self.status = response.status_code
        self.headers = headers_of(response)
        self.url = url
        self._response = response

    def chunks(self) -> Iterator[bytes]:
        """Give the body in chunks of at most one MiB, each as soon as it is there.

        Raises
        ------
        TransportError
            If it breaks off.
        """
        raw = self._response.raw
        try:
            with woken_by(raw.shutdown):
                # Not read(): it waits for a whole chunk, and loses what it has if the connection breaks.
                while chunk := raw.read1(CHUNK, decode_content=False):
                    check_stopped()
                    yield chunk
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            check_stopped()
            raise broke(error, self.url) from None

    def read(self, limit: int) -> bytes:
        """Read the body, or so much of a longer one that it is longer than the limit."""
        return read_upto(self.chunks(), limit)


def headers_of(response: requests.Response) -> dict[str, str]:
    """Give the headers of an answer, their names in lower case."""
    return {name.lower(): value for name, value in response.headers.items()}


@contextmanager
def reading(answer: Answer | Stream) -> Iterator[None]:
    """Read an answer: an error in this block says where the bytes came from, and the answer is no longer kept."""
    try:
        yield
    except (IntegrityError, InvalidError, TransportError) as error:
        error.url = error.url or safe_url(answer.url)
        if mediatypes.bare(answer.headers.get("content-type")) == "text/html":
            error.hint = "A web page came; is this the name of a registry, and does something stand between?"
        elif isinstance(error, IntegrityError):
            error.hint = error.hint or "It was damaged there or on the way, and is not kept; try again"
        answer.forget()
        raise
