"""The session that caches registry responses with requests-cache.

requests-cache is configured by measurement: its key ignores ``Accept``, its default serializer executes code from a
foreign file, and a decoded body no longer matches its digest.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from requests import PreparedRequest, Response, Session
from requests_cache import CachedSession
from requests_cache.backends.base import BaseCache, DictStorage
from requests_cache.backends.sqlite import SQLiteCache, SQLiteDict
from requests_cache.models.response import CachedResponse
from requests_cache.policy.expiration import get_expiration_datetime
from requests_cache.serializers.pipeline import SerializerPipeline, Stage
from requests_cache.serializers.preconf import json_preconf_stage

from ocinb.errors import TransportError
from ocinb.storage.responses import ASIDE, BUSY_SECONDS, FILE, SUFFIXES

logger = logging.getLogger("ocinb")

# The one table of the library, in every file of it.
_COLUMNS = {("responses", "key", "TEXT"), ("responses", "value", "BLOB"), ("responses", "expires", "INTEGER")}
HINT = "ocinb.settings.cache_dir moves it"

# The library's own writes JSON in lines, which only the slow one of Python's two writers can.
_SERIALIZER = SerializerPipeline([json_preconf_stage, Stage(json)], name="json")


def open_responses(folder: Path, keep: Callable[[Response], bool], key_of: Callable[..., str]) -> CachedSession:
    """Open the session whose answers are kept in a folder.

    Raises
    ------
    TransportError
        If the folder cannot be used.

    Notes
    -----
    The file is closed when nobody has the session any more.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        backend = _backend(path)
    except OSError as error:
        raise TransportError(f"no cache can be kept at {folder}: {error.strerror}", hint=HINT) from None
    except sqlite3.Error as error:
        raise TransportError(f"no cache can be kept at {folder}: {error}", hint=HINT) from None
    session = _Session(
        backend=backend,
        allowable_codes=(200, 404),
        allowable_methods=("GET", "HEAD"),
        match_headers=["Accept"],
        key_fn=key_of,
        filter_fn=keep,
        cache_control=False,
        stale_if_error=False,
    )
    # By nobody else: to close what another thread reads at the moment ends the process.
    weakref.finalize(session, backend.close).atexit = False
    return session


class _Session(CachedSession):
    """Says that nobody was reached: the library's own gives out what it has, if that was once kept for longer."""

    def send_first(self, request: PreparedRequest, **options: Any) -> Response:
        """Send what no answer is kept to, and keep that if it deserves it.

        The library's own way would look once more, and weigh what cannot be then, for as long as an exchange takes.
        """
        response = Session.send(self, request, **options)
        if self.settings.filter_fn(response):
            key = self.cache.create_key(request)
            self.cache.save_response(response, key, get_expiration_datetime(self.settings.expire_after))
            response.cache_key = key  # type: ignore[attr-defined] # by which it can be forgotten
        return response

    def _resend(self, request: Any, actions: Any, cached_response: Any, **options: Any) -> Any:
        return self._send_and_cache(request, actions, cached_response, **options)


class _Answers(SQLiteDict):
    """A table that helps where it can: what goes wrong with it later costs a question, and is no error."""

    _warned = False

    def __getitem__(self, key: str) -> Any:
        try:
            answer = super().__getitem__(key)  # type: ignore[no-untyped-call]
        except KeyError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is that a foreign file makes the reader raise
            self._warn(error)
            raise KeyError(key) from None
        if not _is_sound(answer):
            raise KeyError(key)
        return answer

    def __delitem__(self, key: str) -> None:
        try:
            super().__delitem__(key)  # type: ignore[no-untyped-call]
        except sqlite3.Error as error:
            self._warn(error)

    def _write(self, key: str, value: Any) -> None:
        value.created_at = datetime.now(UTC)  # also of one that was just confirmed: its life begins anew
        try:
            super()._write(key, value)  # type: ignore[no-untyped-call]
        except sqlite3.Error as error:
            self._warn(error)

    @contextmanager
    def _acquire_sqlite_lock(self) -> Iterator[None]:
        # The library's own tries for ever, also where nothing can be written; SQLite waits for its busy_timeout.
        with self._lock, self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._active_transaction = True
            try:
                yield
                connection.commit()
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.rollback()
                raise
            finally:
                self._active_transaction = False

    def _warn(self, error: Exception) -> None:
        level = logging.DEBUG if self._warned else logging.WARNING
        self._warned = True
        # What a reader says of a foreign file may quote it; SQLite's own words do not.
        reason = str(error) if isinstance(error, sqlite3.OperationalError) else type(error).__name__
        logger.log(level, "the cache %s cannot be used: %s", self.db_path, reason)


def _is_sound(answer: Any) -> bool:
    # The reader takes any JSON for an answer, and any value for a time.
    return isinstance(answer, CachedResponse) and all(
        isinstance(moment, datetime) and moment.tzinfo for moment in (answer.created_at, answer.expires)
    )


class _Backend(SQLiteCache):
    def __init__(self, path: Path) -> None:
        options: dict[str, Any] = {"decode_content": False, "wal": True, "busy_timeout": int(BUSY_SECONDS * 1000)}
        BaseCache.__init__(self, cache_name=str(path), **options)
        self.responses = _Answers(path, table_name="responses", serializer=_SERIALIZER, **options)
        # Empty for ever: redirects are followed elsewhere.
        self.redirects = DictStorage()  # type: ignore[assignment, no-untyped-call]

    def _prune_redirects(self) -> None:
        """Do nothing: there are none."""


def _backend(path: Path) -> SQLiteCache:
    if not path.exists() or path.is_file():
        try:
            return _open_patiently(path)
        except sqlite3.OperationalError:  # locked, full, not to be written: none of it means that it is damaged
            raise
        except sqlite3.DatabaseError as error:
            reason = str(error)
    else:
        reason = "it is no file"
    aside = f"{path.name}{ASIDE}{time.time_ns()}"
    for suffix in SUFFIXES:
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{suffix}").rename(path.with_name(f"{aside}{suffix}"))
    logger.warning("the cache %s cannot be used (%s); it was set aside as %s", path, reason, aside)
    return _open(path)


def _open_patiently(path: Path) -> SQLiteCache:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return _open(path)
        except sqlite3.OperationalError as error:
            # Two who make one file: SQLite refuses the second one's change to WAL without waiting.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _open(path: Path) -> SQLiteCache:
    path.touch(mode=0o600)  # the files that SQLite puts beside it get its mode
    path.chmod(0o600)
    _check_ours(path)
    return _Backend(path)


def _check_ours(path: Path) -> None:
    """Refuse a database in which somebody else keeps something."""
    query = (
        "SELECT tables.name, columns.name, columns.type FROM sqlite_master AS tables, "
        "pragma_table_info(tables.name) AS columns WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'"
    )
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        found = set(connection.execute(query))
    if found and found != _COLUMNS:
        raise sqlite3.DatabaseError("it is another program's")
