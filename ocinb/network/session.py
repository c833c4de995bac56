"""HTTP: a session of requests that keeps what is asked by name, and plain connections, behind two small functions.

No exception, session or response of requests leaves this room. Redirects are followed and failures are asked again by
loops of our own: the library's would carry credentials along, follow from https to http, and not be heard to stop.
"""

from __future__ import annotations

import contextvars
import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from ocinb._lazy import collector_off
from ocinb._pool import alone, check_stopped, pause
from ocinb._settings import Settings
from ocinb.errors import IntegrityError, InvalidError, OcinbError, TransportError
from ocinb.network.addresses import Range, netloc_of, safe_url, same_origin
from ocinb.network.connection_errors import connect_seconds, failure
from ocinb.network.connections import (
    Answer,
    Stream,
    configured,
    headers_of,
    normal,
    nothing_kept,
    open_adapter,
    prepared,
)
from ocinb.network.dns import Whereabouts
from ocinb.network.exchange import ExchangeContext, Watch, exchange_context, finish, mask_logs, observers
from ocinb.network.proxies import proxies_for
from ocinb.network.redaction import purpose
from ocinb.network.redirects import REDIRECTS, along, check_target, redirected
from ocinb.network.retry import Attempts, Quiet
from ocinb.network.tls import Trust, networks_for
from ocinb.spec.digest import Digest
from ocinb.spec.documents import sniff_media_type, verify_manifest
from ocinb.spec.tag_schema import tag_kind


def worth_keeping(response: requests.Response) -> bool:
    """Say whether an answer by name is a document, and the one that its header promises, or tells of an absence."""
    if response.status_code == requests.codes.not_found:
        return _is_mostly_absent(response.request.url or "")
    if response.status_code != requests.codes.ok:
        return False
    if response.request.method == "HEAD":
        return "docker-content-digest" in response.headers
    promised = response.headers.get("docker-content-digest")
    try:
        sniff_media_type(response.content, response.headers.get("content-type"), "the answer")
        return promised is None or bool(verify_manifest(response.content, Digest(promised)))
    except (IntegrityError, InvalidError):
        return False


def _is_mostly_absent(url: str) -> bool:
    """Say whether it is one of those that most images lack, asked for again and again: what tools attach to an image.

    That a tag of people's is not there is never kept: they look again as soon as they have pushed it.
    """
    kind, _, name = urlsplit(url).path.rpartition("/")
    return kind.endswith("/referrers") or (kind.endswith("/manifests") and tag_kind(name) != "tag")


def is_believed(response: Any, settings: Settings) -> bool:
    """Say whether a kept answer is sound and young enough; offline, any age is, since nobody can be asked."""
    age = datetime.now(UTC) - response.created_at
    young = timedelta(0) <= age <= timedelta(seconds=settings.tag_ttl)
    return (young or response.revalidated or settings.offline) and worth_keeping(response)


def may_be_confirmed(request: requests.PreparedRequest, kept: Any, settings: Settings) -> bool:
    """Say whether a HEAD can confirm a kept answer: no longer believed, but sound, and with its digest beside it.

    One with an ETag is confirmed by a conditional request. A ``Last-Modified`` proves nothing: a tag may go back to
    what is older.
    """
    if request.method != "GET" or "etag" in kept.headers or "docker-content-digest" not in kept.headers:
        return False
    is_fresh = is_believed(kept, settings) and not kept.is_expired
    return not is_fresh and worth_keeping(kept)


def confirmed(session: Any, request: requests.PreparedRequest, kept: Any, head: requests.Response) -> Any | None:
    """Give the kept answer a new life if a HEAD says that the name still points at it; None if not."""
    if head.status_code != requests.codes.ok:
        return None
    if head.headers.get("docker-content-digest") != kept.headers["docker-content-digest"]:
        return None
    kept.expires = datetime.now(UTC) + timedelta(seconds=session.settings.expire_after)
    session.cache.responses[session.cache.create_key(request)] = kept
    kept.revalidated = True
    return kept


NOT_YET = frozenset({401, 429})


class OfflineError(TransportError):
    """Nobody may be asked, and what is wanted is not on this machine."""


@dataclass(frozen=True, slots=True, repr=False)
class _Question:
    """What is asked, and how: the same for all redirects and retries that come of it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    limit: int = 0
    who: str | None = None
    stream: bool = False
    patient: bool = True
    settled: frozenset[int] = frozenset()
    reason: str | None = None
    led_by: str | None = None

    def why(self, *more: str) -> str:
        """Say why it is sent, and why once more."""
        return ", ".join([self.reason or purpose(self.method, self.url), *filter(None, more)])


# Who asks: an answer that one user was given is not for another. Part of the key, never stored itself.
principal: contextvars.ContextVar[str] = contextvars.ContextVar("principal", default="")


def key_of(method: str, url: str, accept: str, who: str) -> str:
    """Return the key of a cached response: what was requested, in which forms, and by whom.

    >>> key_of("GET", "https://ghcr.io/v2/a/tags/list", "", "")[:8]
    'bb168432'
    """
    return hashlib.sha256("\0".join((method, url, who, f"accept={accept}")).encode()).hexdigest()


class Http:
    """Asks and streams. One object serves all registries and any number of threads."""

    def __init__(self, settings: Settings) -> None:
        mask_logs()
        self._settings = settings
        self._lock = threading.Lock()
        self._connections = open_adapter(settings, Trust(settings))
        self._quiet = Quiet(settings)
        self._whereabouts = Whereabouts()
        self._named: requests.Session | None = None

    def ask(  # noqa: PLR0913 - each is one decision, and has a default
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        limit: int,
        who: str | None = None,
        body: bytes | None = None,
        led_by: str | None = None,
        patient: bool = True,
        settled: frozenset[int] = frozenset(),
        reason: str | None = None,
    ) -> Answer:
        """Send a request and read the whole answer.

        Raises
        ------
        TransportError
            If no answer comes.
        InvalidError
            If the answer is too large.
        """
        question = _Question(
            method, url, headers, body, limit, who, patient=patient, settled=settled, reason=reason, led_by=led_by
        )
        # Of those who ask for one name at a time, one asks, and the others find the answer kept.
        turn = nullcontext() if who is None else alone((method, url, headers.get("Accept"), who))
        with turn:
            response = self._follow(question)
        return self._answer(question, response)

    def kept(self, method: str, url: str, headers: Mapping[str, str], *, who: str) -> Answer | None:
        """Look up an answer by name that is still believed, so that not even a token is asked for."""
        session = self._session()
        try:
            key = key_of(method, normal(url), headers.get("Accept", ""), who)
        except (OSError, ValueError):
            return None  # what is wrong with the address is said when it is asked
        response = session.cache.get_response(key)
        if response is None or not is_believed(response, self._settings):
            return None
        if response.is_expired and not self._settings.offline:
            return None
        return self._answer(_Question(method, url, headers), response)

    @contextmanager
    def stream(
        self, url: str, headers: Mapping[str, str], *, led_by: str | None = None, reason: str | None = None
    ) -> Iterator[Stream]:
        """Send a GET and give the answer before its body has arrived.

        Raises
        ------
        TransportError
            If no answer comes.
        """
        response = self._follow(_Question("GET", url, headers, stream=True, led_by=led_by, reason=reason))
        try:
            yield Stream(response, response.url)
        finally:
            finish(response)

    def check_online(self, method: str, url: str) -> None:
        """Refuse to ask anybody, if that is what was set.

        Raises
        ------
        OfflineError
            If it was.
        """
        if self._settings.offline:
            hint = "ocinb.settings.offline = False asks the registry"
            what = purpose(method, url)
            raise OfflineError(f"offline, and this machine does not have {what}", url=safe_url(url), hint=hint)

    def close(self) -> None:
        """Close all connections, and let go of the cache; who is at work with either goes on with another."""
        self._connections.close()
        with self._lock:
            self._named = None

    def _answer(self, question: _Question, response: requests.Response) -> Answer:
        from_cache = bool(getattr(response, "from_cache", False))
        # A 304 comes out as the kept answer too, as it was kept before, but was told when it came.
        is_confirmed = bool(getattr(response, "revalidated", False))
        if from_cache and observers.get() and not is_confirmed:
            Watch(response.request, question.why("known")).over(response, from_cache=True)
        return Answer(
            status=response.status_code,
            headers=headers_of(response),
            body=response.content or b"",
            url=response.url,
            from_cache=from_cache,
            forget=partial(self._forget, response.cache_key) if hasattr(response, "cache_key") else nothing_kept,
            kept_at=_kept_at(response, is_confirmed=is_confirmed) if from_cache else 0.0,
        )

    def _forget(self, key: str) -> None:
        session = self._session()
        session.cache.delete(key)

    def _follow(self, question: _Question) -> requests.Response:
        url, named, hops = question.url, question.who is not None, 0
        within = self._led(question)
        while True:
            response = self._persist(question, url, within, named=named, hop=f"redirect {hops}" if hops else "")
            location = response.headers.get("location")
            if response.status_code not in REDIRECTS or not location:
                return response
            finish(response)
            hops += 1
            if hops > self._settings.max_redirects:
                raise TransportError(f"more than {self._settings.max_redirects} redirects", url=safe_url(url))
            if question.body is not None:
                raise TransportError("a redirect of what was sent with a body is refused", url=safe_url(url))
            here = self._whereabouts.reach(urlsplit(url).hostname)
            within = here if within is None else within & here
            url, named = redirected(url, location, within), False  # a signed address is nothing to keep
            question = replace(question, headers=along(question.headers, question.url, url))

    def _led(self, question: _Question) -> frozenset[Range] | None:
        """Give the ranges in which a question has to stay; None if the user said whom to ask."""
        if question.led_by is None:
            return None
        within = self._whereabouts.reach(urlsplit(question.led_by).hostname)
        check_target(question.led_by, question.url, within, what="the way")
        return within

    def _persist(
        self, question: _Question, url: str, within: frozenset[Range] | None, *, named: bool, hop: str
    ) -> requests.Response:
        """Ask one host until an answer comes that waiting does not better."""
        attempts = Attempts(self._settings, question.method, patient=question.patient)
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        while True:
            self._quiet.keep(origin, attempts)
            reason = question.why(hop, attempts.why) if observers.get() else ""
            try:
                response = self._send(
                    question, url, ExchangeContext(question.limit, within, self._whereabouts, reason), named
                )
            except TransportError as error:
                seconds = attempts.after_failure(error)
                if seconds is None:
                    raise
            else:
                if response.status_code in question.settled:
                    return response
                seconds = attempts.after_answer(response.status_code, response.headers, self._quiet, origin)
                if seconds is None:
                    return response
                finish(response)
            pause(seconds)

    def _send(self, question: _Question, url: str, conditions: ExchangeContext, named: bool) -> requests.Response:  # noqa: FBT001 - said by name at its one call
        check_stopped()
        self.check_online(question.method, url)
        try:
            proxies = proxies_for(url)
            if proxies:
                conditions = replace(conditions, reach=None)  # the proxy resolves, and goes where it may go
            elif self._settings.insecure_registries and same_origin(url, question.url):
                # Elsewhere, where a redirect has led, no secret goes along.
                conditions = replace(conditions, open_in=networks_for(netloc_of(url), self._settings))
            patience = connect_seconds(self._settings), self._settings.timeout
            options: dict[str, Any] = {"stream": question.stream, "timeout": patience, "proxies": proxies}
            request = prepared(question.method, url, question.headers, question.body)
            with _set(exchange_context, conditions), _set(principal, question.who or ""):
                # A session would look for cookies and redirects, which takes as long as a tenth of the exchange.
                return self._named_answer(request, options) if named else self._connections.send(request, **options)
        except OcinbError:
            raise
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:  # those of requests are OSErrors
            check_stopped()
            raise failure(error, url, self._settings) from None

    def _named_answer(self, request: requests.PreparedRequest, options: Mapping[str, Any]) -> requests.Response:
        session = self._session()
        kept = session.cache.get_response(session.cache.create_key(request))
        if kept is None:
            first: requests.Response = session.send_first(request, allow_redirects=False, **options)
            return first
        known = self._confirmed(request, kept, options)
        if known is not None:
            return known
        send = partial(session.send, allow_redirects=False, **options)
        again = request.copy()  # sending leaves conditions in the request
        response: requests.Response = send(request)
        # An answer that was kept under a longer life than today's, or that was damaged since, is asked for again.
        if not getattr(response, "from_cache", False) or is_believed(response, self._settings):
            return response
        force = "refresh" if response.headers.get("etag") else "force_refresh"
        renewed: requests.Response = send(again, **{force: True})
        return renewed

    def _confirmed(
        self, request: requests.PreparedRequest, kept: Any, options: Mapping[str, Any]
    ) -> requests.Response | None:
        """Ask by a HEAD whether what was kept is still so, where a registry gives no ETag; None if nobody can tell."""
        if not may_be_confirmed(request, kept, self._settings):
            return None
        asked, now = request.copy(), exchange_context.get()
        asked.method = "HEAD"
        with _set(exchange_context, replace(now, reason=now.reason and f"{now.reason}, still the same?")):
            head = self._connections.send(asked, **options)
        # Who has to say who it is, or to wait, does so and asks again.
        return head if head.status_code in NOT_YET else confirmed(self._session(), request, kept, head)

    def _session(self) -> Any:
        """Give the session that keeps answers."""
        with self._lock:
            if self._named is None:
                # It takes half as long to load as all of requests, and who asks by digest needs none of it.
                with collector_off():
                    from ocinb.storage.caching_session import open_responses

                session = open_responses(self._settings.cache_dir, worth_keeping, _key_of_request)
                self._named = configured(session, self._connections)
            # What has no life at all would not be kept, and so could not be confirmed.
            self._named.settings.expire_after = max(1, self._settings.tag_ttl)  # type: ignore[attr-defined]
            return self._named


def _key_of_request(request: requests.PreparedRequest, **_: Any) -> str:
    return key_of(request.method or "", request.url or "", request.headers.get("Accept", ""), principal.get())


def _kept_at(response: Any, *, is_confirmed: bool) -> float:
    return time.time() if is_confirmed else float(response.created_at.timestamp())


@contextmanager
def _set(variable: contextvars.ContextVar[Any], value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
