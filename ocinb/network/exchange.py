"""Exchanges: what went over the wire, told to whoever observes, without a secret in it."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


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
_observers: contextvars.ContextVar[tuple[Observer, ...]] = contextvars.ContextVar("observers", default=())


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Tell an observer of every exchange in this block, also of those in the threads that it starts."""
    token = _observers.set((*_observers.get(), observer))
    try:
        yield
    finally:
        _observers.reset(token)


def is_observed() -> bool:
    """Say whether anybody observes, so that nothing is made ready for nobody."""
    return bool(_observers.get())


def tell(exchange: Exchange) -> None:
    """Tell all who observe."""
    for observer in _observers.get():
        observer(exchange)
