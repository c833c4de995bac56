"""Connections: sessions of requests that send what they are told and take nothing along, over lines of our own."""

from __future__ import annotations

import functools
import http.client
import http.cookiejar
from collections.abc import Iterable, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection

from ocinb import __version__
from ocinb._pool import check_stopped, woken_by
from ocinb._settings import Settings
from ocinb.errors import InvalidError
from ocinb.network.addresses import safe_url
from ocinb.network.exchange import is_observed
from ocinb.network.lines import Line, SecureLine
from ocinb.network.terms import terms
from ocinb.network.trust import Trust
from ocinb.network.watching import Watch

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
        if not is_observed():
            return self._exchange(request, None, stream=stream, **kwargs)
        watch = Watch(request, terms.get().reason)
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
    limit = terms.get().limit
    with response, woken_by(response.raw.shutdown):
        body = read_upto(response.iter_content(CHUNK), limit)
    if len(body) > limit:
        hint = "ocinb.settings has the limits: max_manifest_bytes, max_list_bytes, max_answer_bytes"
        raise InvalidError(
            f"the answer is larger than the limit of {limit:,} bytes", url=safe_url(response.url), hint=hint
        )
    return body
