"""Responses: what registries answered to questions by name, kept by requests-cache for the life of a tag.

What is kept here was measured (the key ignores ``Accept``; the default serializer runs code from a foreign file; a
decoded body no longer has its digest), hence every option below.
"""

from __future__ import annotations

import contextvars
import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from requests import PreparedRequest, Response
from requests_cache import CachedSession
from requests_cache.backends.sqlite import SQLiteCache

from ocinb.errors import TransportError

logger = logging.getLogger("ocinb")

# Who asks: an answer that one user was given is not for another. Part of the key, never stored itself.
principal: contextvars.ContextVar[str] = contextvars.ContextVar("principal", default="")


def open_responses(folder: Path, keep: Callable[[Response], bool]) -> CachedSession:
    """Open the session whose answers are kept in a folder.

    Parameters
    ----------
    folder
        Where; made if need be, for its owner only.
    keep
        Says whether an answer deserves to be kept; one that does not is also dropped when it comes out again.

    Raises
    ------
    TransportError
        If the folder cannot be used.
    """
    path = folder / "responses.sqlite"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        backend = _backend(path)
    except OSError as error:
        raise TransportError(
            f"no cache can be kept at {folder}: {error.strerror}", hint="ocinb.settings.cache_dir moves it"
        ) from None
    return CachedSession(
        backend=backend,
        allowable_codes=(200,),
        allowable_methods=("GET", "HEAD"),
        match_headers=["Accept"],
        key_fn=_key,
        filter_fn=keep,
        cache_control=False,
        stale_if_error=False,
    )


def _backend(path: Path) -> SQLiteCache:
    try:
        return _open(path)
    except sqlite3.DatabaseError:
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        path.rename(aside)
        logger.warning("the cache %s was damaged; it was set aside as %s", path, aside.name)
        return _open(path)


def _open(path: Path) -> SQLiteCache:
    backend = SQLiteCache(path, serializer="json", decode_content=False, wal=True, busy_timeout=30_000)
    path.chmod(0o600)
    return backend


def _key(request: PreparedRequest, match_headers: Any = None, **_: Any) -> str:
    names = sorted({str(name).lower() for name in match_headers or ()})
    headers = [f"{name}={request.headers.get(name, '')}" for name in names]
    parts = [request.method or "", request.url or "", principal.get(), *headers]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
