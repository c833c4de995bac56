"""Exchanges: what went over the wire, told to whoever observes, without a secret in it."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# Query fields of the distribution spec; whatever else stands in a query may be the signature that opens a door.
_HARMLESS = frozenset({"n", "last", "artifactType", "service", "scope", "digest", "ns"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it.

    Attributes
    ----------
    method, url
        What was asked; the URL has no user, and of its query only what cannot be a secret.
    status
        The HTTP status.
    from_cache
        Whether the answer was known, so that nothing went over the wire.
    received_bytes
        The bytes of the body.
    """

    method: str
    url: str
    status: int
    from_cache: bool
    received_bytes: int


Observer = Callable[[Exchange], None]
_observers: contextvars.ContextVar[tuple[Observer, ...]] = contextvars.ContextVar("observers", default=())


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Tell an observer of every exchange in this block, also of those in the threads that it starts."""
    token = _observers.set((*_observers.get(), observer))
    try:
        yield
    finally:
        _observers.reset(token)


def tell(exchange: Exchange) -> None:
    """Tell all who observe."""
    for observer in _observers.get():
        observer(exchange)


def safe_url(url: str) -> str:
    """Take out of a URL what may be a secret.

    >>> safe_url("https://ada:pw@cdn.example/blob?X-Signature=abc&n=5")
    'https://cdn.example/blob?X-Signature=***&n=5'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be read"
    query = [
        (key, value if key in _HARMLESS else "***") for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(query, safe="*:/,"), ""))
