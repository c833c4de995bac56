"""Connections: sessions of requests that take nothing along, read no further than a limit, and end at a stop.

Whoever waits in a connection cannot look whether somebody has said stop; the connection is ended under it instead.
"""

from __future__ import annotations

import contextvars
import http.cookiejar
import socket
from collections.abc import Iterable
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection

from ocinb import __version__
from ocinb._pool import check_stopped, woken_by
from ocinb._settings import Settings
from ocinb.errors import InvalidError
from ocinb.sources.addresses import safe_url

# What is asked of a connection at a time.
CHUNK = 1024 * 1024

# How much of a body is read, at most, by whoever asks.
largest_body: contextvars.ContextVar[int] = contextvars.ContextVar("largest_body", default=0)


def configured(session: requests.Session, settings: Settings) -> requests.Session:
    """Make a session that sends what it is told and nothing else, over connections of our own."""
    session.trust_env = False  # ~/.netrc would replace a token, and follow a redirect
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    # The library prepares a redirect that it shall not follow: it reads the whole body, and trips over bad addresses.
    session.get_redirect_target = lambda _: None  # type: ignore[assignment, method-assign]
    session.headers.clear()
    session.headers.update({"User-Agent": f"ocinb/{__version__}", "Accept-Encoding": "identity", "Accept": "*/*"})
    adapter = _Adapter(pool_connections=32, pool_maxsize=max(10, 2 * settings.concurrency))
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


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


class _Connection(HTTPConnection):
    """Is woken from all its waiting but that for a host to take the call, which CONNECT_SECONDS end."""

    _line: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        self.sock = super()._new_conn()
        self._line = self.sock.dup()  # TLS takes the socket itself away
        check_stopped()  # there was no line yet that a stop could have ended
        return self.sock

    def connect(self) -> None:
        try:
            with woken_by(self._hang_up):
                super().connect()
        finally:
            if self._line is not None:
                self._line.close()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.shutdown(socket.SHUT_RDWR)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3 itself
        with woken_by(partial(self.sock.shutdown, socket.SHUT_RDWR)):
            return super().getresponse()


class _SecureConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


_OURS: dict[Any, Any] = {HTTPConnection: _Connection, HTTPSConnection: _SecureConnection}


class _Adapter(HTTPAdapter):
    """Reads a body only as far as the caller's limit, before any cache or parser sees it."""

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = _OURS.get(pool.ConnectionCls, pool.ConnectionCls)  # a SOCKS proxy has one of its own
        return pool

    def send(self, request: requests.PreparedRequest, stream: bool = False, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # noqa: FBT001, FBT002 - the signature of requests
        response: requests.Response = super().send(request, stream=stream, **kwargs)
        response.headers.pop("Set-Cookie", None)  # a session of somebody's; not to be kept on a disk
        response.cookies.clear()
        response.headers.pop("Vary", None)  # all that our questions differ in is in the key of what is kept
        if not stream:
            response._content = _body(response)  # noqa: SLF001 - requests has no other way
            response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
        return response


def _body(response: requests.Response) -> bytes:
    limit = largest_body.get()
    with response, woken_by(response.raw.shutdown):
        body = read_upto(response.iter_content(CHUNK), limit)
    if len(body) > limit:
        hint = "ocinb.settings has the limits: max_manifest_bytes, max_list_bytes, max_answer_bytes"
        raise InvalidError(
            f"the answer is larger than the limit of {limit:,} bytes", url=safe_url(response.url), hint=hint
        )
    return body
