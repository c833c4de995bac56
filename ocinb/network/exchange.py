"""Exchanges: what went over the wire, told to whoever observes, without a secret in it."""

from __future__ import annotations

import contextvars
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from ocinb.network.addresses import Range, safe_url
from ocinb.network.dns import Whereabouts
from ocinb.network.redaction import masked, token_claims
from ocinb.network.tls import Network


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it. Every redirect and every retry is one of its own, also one that failed.

    Attributes
    ----------
    method, url
        What was asked; the URL has no user, and of its query only what cannot be a secret.
    status
        The HTTP status; 304 where the registry confirmed what was kept; None if no answer came.
    from_cache
        Whether the answer was known: nothing went over the wire, or, with a 304, no body did.
    transferred_bytes
        The bytes of the body that went over the wire.
    seconds
        From the question to the last byte that was read.
    reason
        Why it was sent, in a few words: ``"manifest 2.0"``, ``"manifest 2.0, retry 1 after 503"``.
    request_headers, response_headers
        Their names in lower case, secrets masked.
    token_claims
        What a token that came says of itself, if it is a JWT: its payload, never its signature.
    """

    method: str
    url: str
    status: int | None
    from_cache: bool
    transferred_bytes: int
    seconds: float
    reason: str
    request_headers: Mapping[str, str] = field(default_factory=dict)
    response_headers: Mapping[str, str] = field(default_factory=dict)
    token_claims: Mapping[str, Any] | None = None


Observer = Callable[[Exchange], None]
observers: contextvars.ContextVar[tuple[Observer, ...]] = contextvars.ContextVar("observers", default=())


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Tell an observer of every exchange in this block, also of those in the threads that it starts."""
    token = observers.set((*observers.get(), observer))
    try:
        yield
    finally:
        observers.reset(token)


def tell(exchange: Exchange) -> None:
    """Tell all who observe."""
    for observer in observers.get():
        observer(exchange)


NOT_MODIFIED = 304


class Watch:
    """One exchange that somebody observes."""

    def __init__(self, request: requests.PreparedRequest, reason: str) -> None:
        self._request = request
        self._reason = reason
        self._began = time.perf_counter()

    def over(self, response: requests.Response | None, body: bytes = b"", *, from_cache: bool = False) -> None:
        """Tell what came of it: an answer as far as it was read, or none."""
        status = None if response is None else response.status_code
        tell(
            Exchange(
                method=self._request.method or "",
                url=safe_url(self._request.url or ""),
                status=status,
                from_cache=from_cache or status == NOT_MODIFIED,
                transferred_bytes=0 if from_cache or response is None else _transferred(response, body),
                seconds=time.perf_counter() - self._began,
                reason=self._reason,
                request_headers=masked(self._request.headers),
                response_headers={} if response is None else masked(response.headers),
                token_claims=token_claims(body) if self._reason.startswith("token") else None,
            )
        )


def finish(response: requests.Response) -> None:
    """Close an answer, and tell those who observe of it, if it came as a stream and so was not told before."""
    response.close()
    watch: Watch | None = getattr(response, "watch", None)
    if watch is not None:
        watch.over(response)


def _transferred(response: requests.Response, body: bytes) -> int:
    """Count the bytes of a body that came; a chunked one counts as it is without the frame of its chunks."""
    return len(body) or int(response.raw.tell())


@dataclass(frozen=True, slots=True)
class ExchangeContext:
    """What holds for one exchange, deep down where the libraries make it.

    Attributes
    ----------
    limit
        How many bytes of a body are read at most.
    reach
        The ranges into which it may lead; None where the user said whom to ask, or a proxy goes there.
    whereabouts
        Who is told where the host is.
    reason
        Why it is sent, for those who observe.
    open_in
        The networks in which alone the host may be called without TLS that is checked; none if it may anywhere.
    """

    limit: int
    reach: frozenset[Range] | None = None
    whereabouts: Whereabouts = field(default_factory=Whereabouts)
    reason: str = ""
    open_in: tuple[Network, ...] = ()


exchange_context: contextvars.ContextVar[ExchangeContext] = contextvars.ContextVar("terms", default=ExchangeContext(0))  # noqa: B039 - it is frozen


_LOGGER = logging.getLogger("urllib3.connectionpool")


class _Masking(logging.Filter):
    """Leaves alone what others log of exchanges of their own."""

    def filter(self, record: logging.LogRecord) -> bool:
        if exchange_context.get(None) is not None and isinstance(record.args, tuple):
            record.args = tuple(_masked(part) for part in record.args)
        return True


_masking = _Masking()


def mask_logs() -> None:
    """See to it that no secret gets into a log, also where somebody logs all that there is."""
    _LOGGER.addFilter(_masking)  # which does nothing the second time


def _masked(part: object) -> object:
    return safe_url(part) if isinstance(part, str) and "?" in part else part
