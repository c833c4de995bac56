"""Endpoints: one registry as it is spoken to, with its scheme, its credentials and its lists.

Source: OCI distribution-spec v1.1, "Endpoints".
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from ocinb._settings import Settings
from ocinb._text import printable, shorten
from ocinb.auth.authorizer import Authorization, Authorizer, RequestAuthorization
from ocinb.errors import NotFoundError, OcinbError, RateLimitError, TransportError
from ocinb.network.addresses import followed, is_loopback, safe_url, same_origin
from ocinb.network.connections import GOOD, Answer, Stream, reading
from ocinb.network.rate_limits import NOTHING_SAID, Rate, read_rate, read_warnings
from ocinb.network.redaction import purpose, without
from ocinb.network.redirects import AstrayError
from ocinb.network.session import Http
from ocinb.network.status_errors import refusal
from ocinb.network.tls import is_insecure
from ocinb.spec import mediatypes
from ocinb.spec.reference import HUB

MAX_URLS = 10


@contextmanager
def open_foreign(
    http: Http, base: str, urls: Iterable[str], headers: Mapping[str, str], *, limit: int
) -> Iterator[Stream]:
    """Open a body at the first of some addresses that gives it.

    Raises
    ------
    OcinbError
        If none gives it; the error of the last one.
    """
    last: OcinbError = NotFoundError("there is no address to ask")
    for url in list(urls)[:MAX_URLS]:
        with ExitStack() as stack:
            try:
                opened = http.stream(checked(url, base), headers, led_by=base, reason="foreign blob")
                stream = stack.enter_context(opened)
                if stream.status not in GOOD:
                    raise refusal(_host(url), Answer(stream.status, stream.headers, stream.read(limit), stream.url))
            except OcinbError as error:
                last = error
                continue
            yield stream
            return
    raise last


def checked(url: str, base: str) -> str:
    """Give an address as it is asked, if it is one that a document of a registry may name.

    Raises
    ------
    AstrayError
        If it is neither https nor plain http from this machine to this machine.
    """
    target = followed(base, url)
    both_here = is_loopback(urlsplit(target).hostname) and is_loopback(urlsplit(base).hostname)
    if urlsplit(target).scheme != "https" and not (target.startswith("http://") and both_here):
        what = f"a foreign layer is fetched over https only, not from {safe_url(target)}"
        raise AstrayError(what, url=safe_url(base))
    return target


def _host(url: str) -> str:
    return urlsplit(url).netloc


logger = logging.getLogger("ocinb")

# Docker Hub is one name for people and another for its registry.
HUB_HOST = "registry-1.docker.io"
_BAD_REQUEST = 400
WARNING_LENGTH = 300
MAX_WARNINGS = 100

# No part runs across the next "<": a header of many of them would take seconds else.
_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel\s*=\s*"?next\b(?!-)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Try:
    """One way to ask: the base URL, what opens it, and whether to ask again where nobody is reached."""

    base: str
    authorization: Authorization
    patient: bool = True
    again: bool = False


_Question = Callable[[_Try], Answer]
# Called with the name of a registry before anybody calls it; it may raise. What is on this machine needs no call.
before_asking: ContextVar[Callable[[str], None]] = ContextVar("before_asking", default=lambda _: None)


class Endpoint:
    """A registry."""

    def __init__(self, registry: str, http: Http, settings: Settings) -> None:
        self.registry = registry
        self._http = http
        self._settings = settings
        self._authorizer = Authorizer(http, settings, registry)
        self._places = threading.BoundedSemaphore(settings.concurrency)
        self.rate: Rate | None = None
        """What it said last of how much it gives."""
        self._warned: set[str] = set()
        self._host = HUB_HOST if registry == HUB else registry
        self._entries: tuple[str, ...] = settings.insecure_registries
        self._begin()
        # Whether it lists referrers, which older registries do not; None before it was asked.
        self.lists_referrers: bool | None = None

    def ask(
        self,
        path: str,
        scope: str,
        *,
        limit: int,
        method: str = "GET",
        accept: str = "application/json",
        named: bool,
        settled: frozenset[int] = frozenset(),
    ) -> Answer:
        """Ask a question, with authorization if the registry wants one.

        Raises
        ------
        OcinbError
            If the answer is no good one; the class says which way.
        """
        self._look_up()
        known = self.known(path, scope, method=method, accept=accept) if named else None
        if known is not None:
            if known.status not in GOOD:
                raise refusal(self.registry, known)
            return known
        self._http.check_online(method, f"{self._base}{path}")  # or it would be a token that is missing
        before_asking.get()(self.registry)
        access = self._authorizer.request(scope)
        answer = self._authorized(
            lambda attempt: self._http.ask(
                method,
                f"{attempt.base}{path}",
                {**attempt.authorization.headers, "Accept": accept},
                limit=limit,
                who=attempt.authorization.principal if named else None,
                patient=attempt.patient,
                settled=settled,
                reason=f"{purpose(method, path)}, again with authorization" if attempt.again else None,
            ),
            access,
        )
        if not answer.from_cache:
            self._note(answer.headers, access)
        if answer.status not in GOOD:
            raise refusal(self.registry, answer, asked=access.words, secrets=access.secrets)
        return answer

    def known(self, path: str, scope: str, *, method: str, accept: str) -> Answer | None:
        """Give the answer to a question by name, if it was asked before and is still believed."""
        # Before it was asked, nobody knows by which scheme it was asked when the answer was kept.
        bases = [self._base] if self._sure else [f"{scheme}://{self._host}" for scheme in self._schemes]
        kept = (
            self._http.kept(method, f"{base}{path}", {"Accept": accept}, who=who)
            for base in bases
            for who in self._authorizer.principals(scope)
        )
        return next((answer for answer in kept if answer is not None), None)

    @contextmanager
    def stream(self, path: str, scope: str, headers: Mapping[str, str]) -> Iterator[Stream]:
        """Open a body for reading; a status that is not good is an error, never a body.

        Raises
        ------
        OcinbError
            If the answer is no good one; the class says which way. A 416 is one.
        """
        self._look_up()
        self._http.check_online("GET", f"{self._base}{path}")
        before_asking.get()(self.registry)
        if not self._sure:
            self.ask("/v2/", scope, limit=self._settings.max_answer_bytes, named=False)
        with self._places:
            access = self._authorizer.request(scope)
            reason = None
            while True:
                authorization = access.authorize(self._base)
                sent = {**headers, **authorization.headers}
                with self._http.stream(f"{self._base}{path}", sent, reason=reason) as stream:
                    self._note(stream.headers, access)
                    if stream.status in GOOD:
                        yield stream
                        return
                    body = stream.read(self._settings.max_answer_bytes)
                answer = Answer(stream.status, stream.headers, body, stream.url)
                if not access.may_try_again(answer, self._base):
                    own = same_origin(answer.url, self._base)
                    raise refusal(self.registry, answer, asked=access.words, secrets=access.secrets, is_its_own=own)
                reason = f"{purpose('GET', path)}, again with authorization"

    def foreign(self, urls: Iterable[str], headers: Mapping[str, str]) -> AbstractContextManager[Stream]:
        """Open a body that a document of this registry says to be elsewhere; nobody's credentials go there."""
        return open_foreign(self._http, self._base, urls, headers, limit=self._settings.max_answer_bytes)

    def ask_rate(self) -> Rate:
        """Ask how much the registry still gives, in a way that costs nothing of it, if it has not said so before.

        Raises
        ------
        OcinbError
            If it does not answer, and has never said it.
        """
        if self.registry != HUB:
            if self.rate is None:
                self.ask("/v2/", "", limit=self._settings.max_answer_bytes, named=False)
            return self.rate or NOTHING_SAID
        path, scope = "/v2/ratelimitpreview/test/manifests/latest", "repository:ratelimitpreview/test:pull"
        try:
            # Hub does not count a HEAD, and has this repository for the question.
            self.ask(path, scope, limit=0, method="HEAD", accept=mediatypes.ACCEPT_MANIFESTS, named=False)
        except RateLimitError:
            if self.rate is None:
                raise
        return self.rate or NOTHING_SAID

    def pages(self, path: str, scope: str, *, accept: str = "application/json") -> Iterator[Answer]:
        """Ask for a list page by page, along its ``Link`` headers.

        Raises
        ------
        TransportError
            If a link leads to another origin, or the list does not end.
        """
        pages: dict[str, Answer] = {}
        following: str | None = path
        while following is not None:
            answer = self.ask(following, scope, limit=self._settings.max_list_bytes, accept=accept, named=True)
            pages[following] = answer
            # A page that proves wrong takes those before it along: they led to it.
            page = replace(answer, forget=partial(_forget_all, pages))
            yield page
            with reading(page):
                following = self._next_page(answer, pages)

    def _next_page(self, answer: Answer, seen: Collection[str]) -> str | None:
        """Say where a list goes on, if it does and may."""
        link = _LINK.search(answer.headers.get("link", ""))
        if link is None:
            return None
        target = followed(answer.url, link[1])
        if not same_origin(target, self._base):
            raise TransportError(f"a list goes on at another host, {safe_url(target)}, which is refused")
        # Without the origin: how this registry is spoken to is no other's to say, and may change between two pages.
        parts = urlsplit(target)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"
        if path in seen:
            raise TransportError("a list leads back to a page of its own", url=safe_url(target))
        if len(seen) == self._settings.max_list_pages:
            raise TransportError(f"a list has more than {self._settings.max_list_pages:,} pages", url=self._base)
        return path

    def _authorized(self, ask: _Question, access: RequestAuthorization) -> Answer:
        with self._places:
            again = False
            while True:
                answer = self._heard(ask, access.authorize(self._base), again=again)
                if not access.may_try_again(answer, self._base):
                    return answer
                again = True

    def _heard(self, ask: _Question, authorization: Authorization, *, again: bool) -> Answer:
        return ask(_Try(self._base, authorization, again=again)) if self._sure else self._settled(ask, authorization)

    def _settled(self, ask: _Question, authorization: Authorization) -> Answer:
        """Ask a registry by the schemes that it may speak, and remember which it was."""
        first: TransportError | None = None
        wants_tls, entries = False, self._entries
        for scheme in self._schemes:
            base = f"{scheme}://{self._host}"
            try:
                answer = ask(_Try(base, authorization, patient=False))
            except TransportError as error:
                if error.passing and not error.unreachable and self._settings.retries:
                    self._base = base  # somebody is there, and broke off
                    return ask(_Try(base, authorization))
                # One that is only slow is not asked again; and a redirect, once there was one, says who is there.
                if not error.unreachable or (first is not None and not same_origin(error.url or "", base)):
                    raise
                first = first or error
                continue
            if scheme == "https" or not _wants_tls(answer):
                if entries is self._entries:  # else it was set otherwise meanwhile, and is found out anew
                    # A 400 of which the words broke off may be one that wanted TLS.
                    self._base, self._sure = base, answer.status != _BAD_REQUEST
                return answer
            wants_tls = True
        if first is not None and (wants_tls or not self._settings.retries):
            raise first
        return ask(_Try(self._base, authorization))  # who hung up once may be back

    def _begin(self) -> None:
        """Find out anew how the registry is spoken to."""
        # On this machine nobody listens in: plain http is tried first there, and https if that is what is spoken.
        if is_loopback(self._host.rpartition(":")[0] if re.search(r":\d+$", self._host) else self._host):
            self._schemes: tuple[str, ...] = ("http", "https")
        else:
            self._schemes = ("https", "http") if is_insecure(self._host, self._settings) else ("https",)
        self._base = f"{self._schemes[0]}://{self._host}"
        self._sure = len(self._schemes) == 1

    def _look_up(self) -> None:
        """Take note of a setting that was changed since."""
        if self._entries is not self._settings.insecure_registries:
            self._entries = self._settings.insecure_registries
            self._begin()

    def _note(self, headers: Mapping[str, str], access: RequestAuthorization) -> None:
        """Remember what an answer says beside its body."""
        self.rate = read_rate(headers, datetime.now(UTC)) or self.rate
        for text in read_warnings(without(access.secrets, headers["warning"])) if "warning" in headers else ():
            if text not in self._warned and len(self._warned) < MAX_WARNINGS:
                self._warned.add(text)
                logger.warning("%s warns: %s", self.registry, printable(shorten(text, WARNING_LENGTH)))


def _wants_tls(answer: Answer) -> bool:
    """Say whether an answer is what servers that speak TLS say to a plain question."""
    return answer.status == _BAD_REQUEST and b"https" in answer.body.lower()


def _forget_all(pages: Mapping[str, Answer]) -> None:
    for page in pages.values():
        page.forget()
