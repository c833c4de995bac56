"""Sessions: connections, tokens and the store, shared while one works, and the way from a name to a source."""

from __future__ import annotations

import threading

from ocinb._settings import Settings, settings
from ocinb.errors import InvalidError
from ocinb.sources.base import Source
from ocinb.sources.endpoint import Endpoint
from ocinb.sources.http import Http
from ocinb.sources.registry import RegistrySource
from ocinb.spec.reference import Reference
from ocinb.storage.layout import Layout


class Session:
    """Connections to registries and a store.

    Parameters
    ----------
    settings
        How to behave.

    Attributes
    ----------
    settings
        The same.
    store
        Where documents and blobs are kept.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shape = _shape(settings)
        self.store = Layout(settings.store_dir, private=True)
        self._http = Http(settings)
        self._lock = threading.Lock()
        self._endpoints: dict[str, Endpoint] = {}

    def endpoint(self, registry: str) -> Endpoint:
        """Give the one endpoint of a registry."""
        with self._lock:
            if registry not in self._endpoints:
                self._endpoints[registry] = Endpoint(registry, self._http, self.settings)
            return self._endpoints[registry]

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


def open_source(reference: Reference, *, session: Session, store: Layout | None = None) -> Source:
    """Open what a reference names.

    Parameters
    ----------
    reference
        The name.
    session
        The connections.
    store
        Where documents are looked up and kept, if it is not the session's own store.

    Raises
    ------
    InvalidError
        If its transport is not read.
    """
    if reference.registry is None or reference.repository is None:
        raise InvalidError(
            f"{reference.transport}: names are understood, but not opened yet", hint="Name an image in a registry"
        )
    endpoint = session.endpoint(reference.registry)
    return RegistrySource(endpoint, reference.repository, store or session.store, session.settings)


_default: Session | None = None
_lock = threading.RLock()  # the one who makes a session closes the one before


def default_session() -> Session:
    """Give the session of this process; a new one when the settings name other folders."""
    global _default  # noqa: PLW0603 - the one object that is made late, so that importing costs nothing
    with _lock:
        if _default is None or _default.shape != _shape(settings):
            close_default_session()
            _default = Session(settings)
        return _default


def close_default_session() -> None:
    """Close the connections of this process; the next question opens new ones."""
    global _default  # noqa: PLW0603 - as above
    with _lock:
        if _default is not None:
            _default.close()
            _default = None


def _shape(settings: Settings) -> tuple[object, ...]:
    """Give what cannot change under a session that is open."""
    return settings.store_dir, settings.cache_dir, settings.concurrency
