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
from ocinb.sources.addresses import is_loopback
from ocinb.sources.auth import Keyring
from ocinb.sources.exchange import safe_url
from ocinb.sources.http import Answer, Http, Stream, followed, same_origin
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
        who = self._keyring.principal if named else None
        if who is not None:
            kept = self._http.kept(method, urljoin(self._base, path), {"Accept": accept}, who=who)
            if kept is not None:
                return kept
        answer = self._authorized(
            lambda base, headers: self._http.ask(
                method, urljoin(base, path), {**headers, "Accept": accept}, limit=limit, who=who
            ),
            scope,
        )
        if answer.status not in GOOD:
            raise refusal(self.registry, answer)
        return answer

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
                authorization = self._keyring.authorization(self._base, scope)
                sent = {**headers, **({"Authorization": authorization} if authorization else {})}
                with self._http.stream(urljoin(self._base, path), sent) as stream:
                    if stream.status in GOOD:
                        yield stream
                        return
                    body = stream.text(self._settings.max_answer_bytes)
                answer = Answer(stream.status, stream.headers, body, stream.url)
                if not self._can_open(answer, authorization):
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
            authorization = self._keyring.authorization(self._base, scope)
            answer = self._heard(ask, authorization)
            if self._can_open(answer, authorization):
                authorization = self._keyring.authorization(self._base, scope)
                answer = self._heard(ask, authorization)
            return answer

    def _can_open(self, answer: Answer, used: str | None) -> bool:
        # What a redirect led to has no say in where this registry's credentials go.
        refused = answer.status == 401 and same_origin(answer.url, self._base)  # noqa: PLR2004 - HTTP
        return refused and self._keyring.hear(answer, used)

    def _heard(self, ask: _Question, authorization: str | None) -> Answer:
        headers = {"Authorization": authorization} if authorization else {}
        if self._sure:
            return ask(self._base, headers)
        secure = self._base.replace("http://", "https://", 1)
        try:
            answer = ask(self._base, headers)
        except TransportError as error:
            answer = _second_try(ask, secure, headers, error)
            self._base = secure
        # Servers that speak TLS say 400 to a plain request, or hang up.
        if answer.status == 400 and b"https" in answer.body.lower() and self._base != secure:  # noqa: PLR2004 - HTTP
            answer = ask(secure, headers)
            self._base = secure
        self._sure = True
        return answer


def _second_try(ask: _Question, base: str, headers: dict[str, str], first: TransportError) -> Answer:
    try:
        return ask(base, headers)
    except TransportError:
        raise first from None
