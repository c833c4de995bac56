"""Exchanges: what went over the wire, told to whoever observes, without a secret in it."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


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
