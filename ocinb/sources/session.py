"""Sessions: connections, tokens and the store, shared while one works, and the way from a name to a source."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ocinb._settings import Settings, settings
from ocinb.errors import TransportError
from ocinb.network.session import Http
from ocinb.sources.base import Source
from ocinb.sources.endpoint import Endpoint
from ocinb.sources.registry import RegistrySource
from ocinb.spec.reference import Reference
from ocinb.storage.layout import Layout

if TYPE_CHECKING:
    from ocinb.sources.local_files import LocalFiles


class Session:
    """Connections to registries, files that were opened, and a store.

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
        self._files: LocalFiles | None = None

    def endpoint(self, registry: str) -> Endpoint:
        """Give the one endpoint of a registry."""
        with self._lock:
            if registry not in self._endpoints:
                self._endpoints[registry] = Endpoint(registry, self._http, self.settings)
            return self._endpoints[registry]

    @property
    def files(self) -> LocalFiles:
        """The layouts and archives that were opened last."""
        # Most names are of registries: what reads files, and all that unpacks them, comes with the first that is not.
        from ocinb.sources.local_files import LocalFiles

        with self._lock:
            if self._files is None:
                self._files = LocalFiles(self.settings)
            return self._files

    def close(self) -> None:
        """Close all connections and files."""
        self._http.close()
        if self._files is not None:
            self._files.close()


def open_source(reference: Reference, *, session: Session, store: Layout | None = None) -> Source:
    """Open what a reference names.

    Parameters
    ----------
    reference
        The name.
    session
        The connections.
    store
        Where documents are looked up and kept, if it is not the session's own store. What is read of a file is kept
        only if one is given.

    Raises
    ------
    NotFoundError
        If a file is not there.
    InvalidError
        If a file is not what its transport says.
    """
    if reference.registry is None or reference.repository is None:
        return session.files.source(reference, store)
    endpoint = session.endpoint(reference.registry)
    return RegistrySource(endpoint, reference.repository, store or session.store, session.settings)


# The session of a block that begins with nothing; all threads that it starts have it too.
_own: ContextVar[Session | None] = ContextVar("session", default=None)
_default: Session | None = None
_lock = threading.RLock()  # the one who makes a session closes the one before


def default_session() -> Session:
    """Give the session of this block, if it has its own, or else of this process.

    A process gets a new one when the settings name other folders.
    """
    global _default  # noqa: PLW0603 - the one object that is made late, so that importing costs nothing
    own = _own.get()
    if own is not None:
        _take_over(own.settings)
        return own
    with _lock:
        if _default is None or _default.shape != _shape(settings):
            close_default_session()
            _default = Session(settings)
        return _default


@contextmanager
def fresh_session() -> Iterator[None]:
    """Begin with nothing in this block, and keep nothing of it: folders, connections and tokens are its own.

    Raises
    ------
    TransportError
        If there is no place for its folders.
    """
    try:
        place = TemporaryDirectory(prefix="ocinb-fresh-", ignore_cleanup_errors=True)
    except OSError as error:
        hint = "Free some space, or name another folder for temporary files in TMPDIR"
        raise TransportError(f"no temporary folder can be made: {error.strerror}", hint=hint) from None
    with place as folder:
        session = Session(replace(settings, store_dir=Path(folder) / "store", cache_dir=Path(folder) / "cache"))
        token = _own.set(session)
        try:
            yield
        finally:
            _own.reset(token)
            session.close()


def _take_over(own: Settings) -> None:
    """Let what is set within the block count in it, but for the folders."""
    for entry in fields(settings):
        if entry.name not in ("store_dir", "cache_dir"):
            setattr(own, entry.name, getattr(settings, entry.name))


def close_default_session() -> None:
    """Close the connections of this process; the next question opens new ones."""
    global _default  # noqa: PLW0603 - as above
    with _lock:
        if _default is not None:
            _default.close()
            _default = None


def _begin_anew() -> None:
    """Leave a process that was forked without the other one's connections: both would hear each other's answers.

    Nothing of it is closed, nor thrown away, which would close it: SQLite takes no harm from a fork as long as only one
    of both uses what was open.
    """
    global _default, _lock
    own = _own.get()
    _of_the_other_process.extend(filter(None, (_default, own)))
    _default, _lock = None, threading.RLock()
    if own is not None:
        _own.set(Session(own.settings))


_of_the_other_process: list[Session] = []
os.register_at_fork(after_in_child=_begin_anew)


def _shape(settings: Settings) -> tuple[object, ...]:
    """Give what cannot change under a session that is open."""
    return settings.store_dir, settings.cache_dir, settings.concurrency
