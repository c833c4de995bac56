"""Endpoints: one registry as it is spoken to, with its scheme, its credentials and its lists.

Source: OCI distribution-spec v1.1, "Endpoints".
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urljoin

from ocinb._settings import Settings
from ocinb.errors import TransportError
from ocinb.sources.addresses import followed, is_loopback, safe_url, same_origin
from ocinb.sources.auth import Keyring
from ocinb.sources.http import Answer, Http, Stream
from ocinb.sources.refusals import refusal
from ocinb.spec.reference import HUB

# Docker Hub is one name for people and another for its registry.
HUB_HOST = "registry-1.docker.io"
GOOD = frozenset({200, 206})

_Question = Callable[[str, dict[str, str]], Answer]  # the base URL and the headers to ask with
# No part runs across the next "<": a header of many of them would take seconds else.
_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel\s*=\s*"?next\b(?!-)', re.IGNORECASE)


class Endpoint:
    """A registry.

    Parameters
    ----------
    registry
        Its name, as references have it.
    http
        Who carries the questions.
    settings
        Limits and credentials.
    """

    def __init__(self, registry: str, http: Http, settings: Settings) -> None:
        self.registry = registry
        self._http = http
        self._settings = settings
        self._keyring = Keyring(http, settings, registry)
        self._places = threading.BoundedSemaphore(settings.concurrency)
        host = HUB_HOST if registry == HUB else registry
        # On this machine nobody listens in: plain http is tried first there, and https if that is what is spoken.
        local = is_loopback(host.rpartition(":")[0] if re.search(r":\d+$", host) else host)
        self._base = f"{'http' if local else 'https'}://{host}"
        self._sure = not local

    def ask(
        self, path: str, scope: str, *, limit: int, method: str = "GET", accept: str = "application/json", named: bool
    ) -> Answer:
        """Ask a question, with authorization if the registry wants one.

        Parameters
        ----------
        path
            What is asked for, from ``/v2/`` on, or a whole URL of this registry.
        scope
            What a token has to open.
        limit
            The largest answer in bytes.
        method, accept
            The request.
        named
            Whether it is asked by name, so that the answer may be kept for the life of a tag.

        Raises
        ------
        OcinbError
            If the answer is no good one; the class says which way.
        """
        known = self.known(path, method=method, accept=accept) if named else None
        if known is not None:
            return known
        who = self._keyring.principal if named else None
        answer = self._authorized(
            lambda base, headers: self._http.ask(
                method, urljoin(base, path), {**headers, "Accept": accept}, limit=limit, who=who
            ),
            scope,
        )
        if answer.status not in GOOD:
            raise refusal(self.registry, answer)
        return answer

    def known(self, path: str, *, method: str, accept: str) -> Answer | None:
        """Give the answer to a question by name, if it was asked before and is still believed."""
        url = urljoin(self._base, path)
        return self._http.kept(method, url, {"Accept": accept}, who=self._keyring.principal)

    @contextmanager
    def stream(self, path: str, scope: str, headers: Mapping[str, str]) -> Iterator[Stream]:
        """Open a body for reading; a status that is not good is an error, never a body.

        Raises
        ------
        OcinbError
            If the answer is no good one; the class says which way. A 416 is one.
        """
        if not self._sure:
            self.ask("/v2/", scope, limit=self._settings.max_answer_bytes, named=False)
        with self._places:
            for _ in range(2):
                opening = self._opening(scope)
                with self._http.stream(urljoin(self._base, path), {**headers, **opening}) as stream:
                    if stream.status in GOOD:
                        yield stream
                        return
                    body = stream.read(self._settings.max_answer_bytes)
                answer = Answer(stream.status, stream.headers, body, stream.url)
                if not self._can_open(answer, opening):
                    break
            raise refusal(self.registry, answer)

    def pages(self, path: str, scope: str) -> Iterator[Answer]:
        """Ask for a list page by page, along its ``Link`` headers.

        Raises
        ------
        TransportError
            If a link leads to another origin, or the list does not end.
        """
        seen = {path}
        for _ in range(self._settings.max_list_pages):
            answer = self.ask(path, scope, limit=self._settings.max_list_bytes, named=True)
            yield answer
            following = _LINK.search(answer.headers.get("link", ""))
            if following is None:
                return
            path = followed(answer.url, following[1])
            if not same_origin(path, self._base):
                raise TransportError(
                    f"a list goes on at another host, {safe_url(path)}, which is refused", url=safe_url(answer.url)
                )
            if path in seen:
                raise TransportError("a list leads back to a page of its own", url=safe_url(path))
            seen.add(path)
        raise TransportError(f"a list has more than {self._settings.max_list_pages:,} pages", url=self._base)

    def _authorized(self, ask: _Question, scope: str) -> Answer:
        with self._places:
            opening = self._opening(scope)
            answer = self._heard(ask, opening)
            return self._heard(ask, self._opening(scope)) if self._can_open(answer, opening) else answer

    def _opening(self, scope: str) -> dict[str, str]:
        authorization = self._keyring.authorization(self._base, scope)
        return {"Authorization": authorization} if authorization else {}

    def _can_open(self, answer: Answer, used: dict[str, str]) -> bool:
        # What a redirect led to has no say in where this registry's credentials go.
        refused = answer.status == 401 and same_origin(answer.url, self._base)  # noqa: PLR2004 - HTTP
        return refused and self._keyring.hear(answer, used.get("Authorization"))

    def _heard(self, ask: _Question, headers: dict[str, str]) -> Answer:
        return ask(self._base, headers) if self._sure else self._settled(ask, headers)

    def _settled(self, ask: _Question, headers: dict[str, str]) -> Answer:
        """Ask a registry on this machine over http, or over TLS if it wants that, and remember which it was."""
        first: TransportError | None = None
        try:
            answer = ask(self._base, headers)
            if not _wants_tls(answer):
                self._sure = True
                return answer
        except TransportError as error:
            if not error.unreachable:  # one that is only slow is not asked again; some hang up on a plain question
                raise
            first = error
        secure = self._base.replace("http://", "https://", 1)
        try:
            answer = ask(secure, headers)
        except TransportError as error:
            # It does not speak TLS either; unless it was its redirect, over TLS, that led to where nobody is.
            here = error.unreachable and same_origin(error.url or "", secure)
            raise (first or error if here else error) from None
        self._base, self._sure = secure, True
        return answer


def _wants_tls(answer: Answer) -> bool:
    """Say whether an answer is what servers that speak TLS say to a plain question."""
    return answer.status == 400 and b"https" in answer.body.lower()  # noqa: PLR2004 - HTTP
