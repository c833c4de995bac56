"""HTTP: two sessions of requests, one that keeps what is asked by name and a plain one, behind two small functions.

No exception, session or response of requests leaves this room. Redirects are followed by a loop of our own, since the
library's would carry credentials along and follow from https to http.
"""

from __future__ import annotations

import contextvars
import os
import re
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from ocinb._pool import alone, check_stopped, woken_by
from ocinb._settings import Settings
from ocinb.errors import InvalidError, OcinbError, TransportError
from ocinb.sources.addresses import followed, is_loopback, leads_within, safe_url, same_origin
from ocinb.sources.connections import CHUNK, configured, largest_body, read_upto
from ocinb.sources.exchange import Exchange, tell
from ocinb.spec.digest import Digest
from ocinb.spec.strictjson import parse_object
from ocinb.storage.responses import open_responses, principal

REDIRECTS = frozenset({301, 302, 303, 307, 308})
CONNECT_SECONDS = 10.0


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


class Stream:
    """The body of an answer, as it arrives."""

    def __init__(self, response: requests.Response, url: str) -> None:
        self.status = response.status_code
        self.headers = _headers(response)
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
            raise TransportError(f"the connection broke: {_reason(_root(error))}", url=safe_url(self.url)) from None

    def read(self, limit: int) -> bytes:
        """Read the body, or so much of a longer one that it is longer than the limit."""
        return read_upto(self.chunks(), limit)


class Http:
    """Asks and streams. One object serves all registries and any number of threads.

    Parameters
    ----------
    settings
        Limits, time-outs, and where answers are kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._plain = configured(requests.Session(), settings)
        self._named: requests.Session | None = None

    def ask(self, method: str, url: str, headers: Mapping[str, str], *, limit: int, who: str | None = None) -> Answer:
        """Send a request and read the whole answer.

        Parameters
        ----------
        method, url, headers
            The request.
        limit
            The largest body, in bytes, that is read.
        who
            None for what must not be kept. Else the answer is kept by name for the life of a tag, and this text tells
            apart those who must not see each other's answers.

        Raises
        ------
        TransportError
            If no answer comes.
        InvalidError
            If the answer is too large.
        """
        # Of those who ask for one name at a time, one asks, and the others find the answer kept.
        turn = nullcontext() if who is None else alone((method, url, headers.get("Accept"), who))
        with _set(largest_body, limit), _set(principal, who or ""), turn:
            response = self._follow(method, url, headers, stream=False, named=who is not None)
        return self._answer(method, url, response)

    def kept(self, method: str, url: str, headers: Mapping[str, str], *, who: str) -> Answer | None:
        """Look up an answer by name that is still believed, so that not even a token is asked for."""
        session: Any = self._session(named=True)
        try:
            request = session.prepare_request(requests.Request(method, url, headers=dict(headers)))
        except (OSError, ValueError):
            return None  # what is wrong with the address is said when it is asked
        with _set(principal, who):
            response = session.cache.get_response(session.cache.create_key(request))
        if response is None or response.is_expired or not self._is_believed(response):
            return None
        return self._answer(method, url, response)

    def _answer(self, method: str, url: str, response: requests.Response) -> Answer:
        answer = Answer(
            status=response.status_code,
            headers=_headers(response),
            body=response.content or b"",
            url=response.url,
            from_cache=bool(getattr(response, "from_cache", False)),
        )
        # A 304 comes out as the kept answer, though its few bytes went over the wire.
        fresh = not answer.from_cache
        tell(Exchange(method, safe_url(url), answer.status, answer.from_cache, len(answer.body) if fresh else 0))
        return answer

    @contextmanager
    def stream(self, url: str, headers: Mapping[str, str]) -> Iterator[Stream]:
        """Send a GET and give the answer before its body has arrived.

        Raises
        ------
        TransportError
            If no answer comes.
        """
        response = self._follow("GET", url, headers, stream=True, named=False)
        try:
            yield Stream(response, response.url)
        finally:
            response.close()
            tell(
                Exchange(
                    "GET", safe_url(url), response.status_code, from_cache=False, received_bytes=response.raw.tell()
                )
            )

    def close(self) -> None:
        """Close all connections and the cache."""
        self._plain.close()
        if self._named is not None:
            self._named.close()

    def _follow(
        self, method: str, url: str, headers: Mapping[str, str], *, stream: bool, named: bool
    ) -> requests.Response:
        sent = dict(headers)
        for _ in range(self._settings.max_redirects + 1):
            response = self._send(method, url, sent, stream=stream, named=named)
            location = response.headers.get("location")
            if response.status_code not in REDIRECTS or not location:
                return response
            response.close()
            target = _redirected(url, location)
            if not same_origin(target, url):
                sent.pop("Authorization", None)
            url, named = target, False  # a signed address is nothing to keep
        raise TransportError(f"more than {self._settings.max_redirects} redirects", url=safe_url(url))

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], *, stream: bool, named: bool
    ) -> requests.Response:
        check_stopped()
        session = self._session(named=named)
        send = partial(
            session.send,
            stream=stream,
            allow_redirects=False,
            timeout=(min(CONNECT_SECONDS, self._settings.timeout), self._settings.timeout),
            proxies={} if is_loopback(urlsplit(url).hostname) else requests.utils.get_environ_proxies(url),
            verify=os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True,
        )
        try:
            request = session.prepare_request(requests.Request(method, url, headers=dict(headers)))
            again = partial(send, request.copy())  # sending leaves conditions in the request
            response = send(request)
            return self._believed(response, again) if named else response
        except OcinbError:
            raise
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:  # those of requests are OSErrors
            check_stopped()
            raise _transport_error(error, url, self._settings) from None

    def _believed(self, response: requests.Response, send_again: Any) -> requests.Response:
        # An answer that was kept under a longer life than today's, or that was damaged since, is asked for again.
        if not getattr(response, "from_cache", False):
            return response
        if self._is_believed(response):
            return response
        renewed: requests.Response = (
            send_again(refresh=True) if response.headers.get("etag") else send_again(force_refresh=True)
        )
        return renewed

    def _is_believed(self, response: Any) -> bool:
        age = datetime.now(UTC) - response.created_at
        young = timedelta(0) <= age <= timedelta(seconds=self._settings.tag_ttl)
        return (young or response.revalidated) and _worth_keeping(response)

    def _session(self, *, named: bool) -> requests.Session:
        if not named:
            return self._plain
        with self._lock:
            if self._named is None:
                session = open_responses(self._settings.cache_dir, _worth_keeping)
                self._named = configured(session, self._settings)
            self._named.settings.expire_after = self._settings.tag_ttl  # type: ignore[attr-defined]
            return self._named


def _worth_keeping(response: requests.Response) -> bool:
    """Say whether an answer by name is a document, and the one that its header promises."""
    if response.status_code != requests.codes.ok:
        return False
    if response.request.method == "HEAD":
        return "docker-content-digest" in response.headers
    promised = response.headers.get("docker-content-digest")
    try:
        parse_object(response.content, "the answer")
        return promised is None or Digest.of(response.content, Digest(promised).algorithm) == promised
    except InvalidError:
        return False


def _redirected(url: str, location: str) -> str:
    target = followed(url, location)
    scheme, before = urlsplit(target).scheme, urlsplit(url).scheme
    if scheme not in {"http", "https"} or (before == "https" and scheme == "http"):
        raise TransportError(f"a redirect to {safe_url(target)} is refused: it leaves {before}", url=safe_url(url))
    if leads_within(url, target):
        raise TransportError(f"a redirect to {safe_url(target)} is refused: it leads back here", url=safe_url(url))
    return target


def _headers(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


@contextmanager
def _set(variable: contextvars.ContextVar[Any], value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def _transport_error(error: Exception, url: str, settings: Settings) -> TransportError:
    host, root = urlsplit(url).netloc.rpartition("@")[2], _root(error)
    if isinstance(error, ValueError):  # that is how requests calls a bad address, and it quotes the whole of it
        return TransportError(f"{host} is no address that can be asked", url=safe_url(url))
    if isinstance(error, requests.exceptions.SSLError):
        told = TransportError(f"no secure connection to {host}: {_reason(root)}", url=safe_url(url))
        told.unreachable = not isinstance(root, ssl.SSLCertVerificationError)
        return told
    if isinstance(error, requests.exceptions.Timeout) or isinstance(root, urllib3.exceptions.ReadTimeoutError):
        hint = "ocinb.settings.timeout sets how long ocinb waits"
        return TransportError(f"{host} did not answer within {settings.timeout:g} s", url=safe_url(url), hint=hint)
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return TransportError(f"the answer of {host} broke off: {_reason(root)}", url=safe_url(url))
    hint = "Is the name right, and can this machine reach it?"
    told = TransportError(f"{host} cannot be reached: {_reason(root)}", url=safe_url(url), hint=hint)
    told.unreachable = True
    return told


def _root(error: BaseException) -> BaseException:
    """Find the exception at the bottom of a chain of them."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner = [part for part in (getattr(error, "reason", None), *error.args) if isinstance(part, BaseException)]
        if not inner:
            break
        error = inner[0]
    return error


def _reason(root: BaseException) -> str:
    """Give the one sentence that an exception says, without objects and addresses in it."""
    if isinstance(root, urllib3.exceptions.IncompleteRead):
        return f"{root.partial:,} bytes came, and {root.expected:,} more were promised"
    text = (root.strerror if isinstance(root, OSError) else None) or str(root.args[-1] if root.args else root)
    # urllib3 puts "HTTPConnection(host='…', port=…): Failed to …: [Errno 111]" before what people can use.
    noise = r"^.*(?:object at 0x\w+>|\bport=\d+\))[:,] |Failed to establish a new connection: |\[Errno -?\d+\] "
    return re.sub(noise, "", text) or type(root).__name__
