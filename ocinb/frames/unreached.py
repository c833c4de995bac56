"""Unreached: registries where nobody took the call a moment ago, so that not each of many names waits for them."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from ocinb.errors import InvalidError, OcinbError, TransportError
from ocinb.sources.endpoint import HUB_HOST, before_asking
from ocinb.spec.reference import HUB, Reference

# After so long one name tries again: a registry that was restarted is back.
BELIEVED_SECONDS = 5.0


class Unreached:
    """What one call with many names has learned of registries that are not there."""

    def __init__(self) -> None:
        self._errors: dict[str, tuple[float, TransportError]] = {}

    def check(self, name: str) -> None:
        """Refuse a name whose registry was not reached a moment ago.

        Raises
        ------
        TransportError
            The one that was raised then.
        """
        if self._errors:
            self._check_registry(_registry(name))

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Call, in this block, no registry that was not reached a moment ago; what is on this machine is told still."""
        token = before_asking.set(self._check_registry)
        try:
            yield
        finally:
            before_asking.reset(token)

    def note(self, name: str, error: OcinbError) -> None:
        """Take note of an error that says that the registry itself, and not what it led to, was not reached.

        One that `check` raised is no news: else nobody would try again as long as there are names.
        """
        if not (isinstance(error, TransportError) and error.unsent):
            return
        registry, netloc = _registry(name), urlsplit(error.url or "").netloc
        is_its_own = registry is not None and netloc == (HUB_HOST if registry == HUB else registry)
        if registry is not None and is_its_own and self._believed(registry) is None:
            self._errors[registry] = time.monotonic(), error

    def _check_registry(self, registry: str | None) -> None:
        known = self._believed(registry)
        if known is not None:
            error = copy.copy(known)  # each name has a failure of its own
            error.reference = None
            raise error

    def _believed(self, registry: str | None) -> TransportError | None:
        """Give the error of a registry that was not reached a moment ago."""
        since, error = self._errors.get(registry or "", (0.0, None))
        return error if time.monotonic() - since < BELIEVED_SECONDS else None


def _registry(name: str) -> str | None:
    try:
        return Reference(name).registry
    except InvalidError:  # which is said elsewhere
        return None
