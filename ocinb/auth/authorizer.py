"""Authorization of requests to one registry: challenges, credentials and tokens, learned from its refusals.

Sources: RFC 9110, sections 11.3 to 11.6; RFC 6750, section 3.1; distribution's spec/auth/token.md.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from ocinb._settings import Settings
from ocinb._text import Hidden, printable
from ocinb.auth.challenges import Challenge, choose_challenge, parse_challenges, repository_of, wider
from ocinb.auth.credentials import Credential, CredentialLookup, Found, Kind
from ocinb.auth.realms import may_see_credentials, realm_of
from ocinb.auth.tokens import CredentialsRefusedError, TokenCache, TokenRequest
from ocinb.errors import AuthError
from ocinb.network.addresses import safe_url, same_origin
from ocinb.network.connections import Answer
from ocinb.network.session import Http
from ocinb.network.status_errors import credentials_hint
from ocinb.storage.responses import is_asking, note_asking

logger = logging.getLogger("ocinb")

# The statuses of a request without authorization, or with too little.
REFUSALS = frozenset({401, 403})
# Requests for one resource: the first learns the challenge, the second may learn that its scope was too narrow.
TRIES = 3
# Scopes for which a registry wanted more than was requested.
MAX_WIDER = 1000
# The principal of a request to a registry that asks for a login, without credentials.
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Authorization:
    """The authorization of one request.

    Attributes
    ----------
    authorization
        The header, or None.
    principal
        A fingerprint of the credentials, never the secret itself; empty if the registry requires no login.
    words
        The credentials used, for an error message.
    credential
        The credential behind the header, or None.
    """

    authorization: str | None = field(default=None, repr=False)
    principal: str = ""
    words: str = Found().words
    credential: Credential | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that was sent, to be masked in messages."""
        own = (self.authorization.partition(" ")[2],) if self.authorization else ()
        return (*own, *(self.credential.secrets if self.credential else ()))

    @property
    def headers(self) -> dict[str, str]:
        """The request headers."""
        return {"Authorization": self.authorization} if self.authorization else {}


class Authorizer:
    """The authorization of all requests to one registry; its tokens are kept in memory only.

    Credential files are read, and credential helpers run, only after the registry has asked for a login.
    """

    def __init__(self, http: Http, settings: Settings, registry: str) -> None:
        self._http = http
        self._settings = settings
        self._registry = registry
        self._credentials = CredentialLookup(settings, registry)
        self._tokens = TokenCache(http, settings, registry)
        self._lock = threading.Lock()
        self._has_asked = False
        self._asked_before: bool | None = None
        self._has_probed = False
        self._challenge: Challenge | None = None
        self._wider: dict[str, tuple[str, ...]] = {}
        self._warned: set[str] = set()

    def request(self, scope: str) -> RequestAuthorization:
        """Start the tries of one request; ``scope`` is what a token must grant, such as ``repository:NAME:pull``."""
        return RequestAuthorization(self, scope)

    def principals(self, scope: str) -> tuple[str, ...]:
        """Return the principals whose cached responses may be used: the current one and the one without a login."""
        if self._asked_before is None:
            self._asked_before = is_asking(self._settings.cache_dir, self._registry)
        return (_principal(self._find(scope)), "") if self._has_asked or self._asked_before else ("",)

    def authorize(self, base: str, scope: str) -> Authorization:
        """Return the authorization for a scope at the registry's URL ``base``, from what is known of its challenge."""
        if not self._has_asked:
            return Authorization()
        found = self._find(scope)
        self._warn(found)
        credential, challenge = found.credential, self._challenge
        if credential and credential.kind is Kind.BEARER:
            return Authorization(_bearer(credential.secret), _principal(found), found.words, credential)
        if challenge is not None and challenge.scheme == "bearer":
            return self._with_token(challenge, found, base, scope)
        if credential is None:
            return Authorization(words=found.words)
        return Authorization(credential.basic, _principal(found), found.words, credential)

    def learn(self, answer: Answer, base: str, scope: str, used: str | None) -> bool:
        """Learn from a refusal, and return whether another request can succeed."""
        challenge = _challenge_in(answer) or (None if used else self._probe(answer, base))
        if answer.status != 401 and (challenge is None or (used and not _is_insufficient(challenge))):  # noqa: PLR2004 - HTTP
            return False
        found = self._find(scope)
        is_bearer = found.credential is not None and found.credential.kind is Kind.BEARER
        if challenge is None and not used and not is_bearer:
            return False
        self._note(challenge, scope)
        if used:
            return self._may_renew(used, scope, found)
        if found.credential is None and (challenge is None or challenge.scheme == "basic"):
            hint = f"{found.words}. {credentials_hint(self._registry)}"
            raise AuthError(f"{self._registry} wants a user and a password", url=safe_url(answer.url), hint=hint)
        return True

    def _find(self, scope: str) -> Found:
        return self._credentials.find(repository_of(scope))

    def _with_token(self, challenge: Challenge, found: Found, base: str, scope: str) -> Authorization:
        realm = realm_of(challenge.parameters["realm"], base, self._settings)
        request = TokenRequest(realm, challenge.parameters.get("service", ""), self._wider.get(scope, (scope,)))
        if found.credential and not may_see_credentials(realm, base, self._settings):
            hidden = f"those of {found.credential.origin} are not shown to {safe_url(realm)} over plain http"
            found = Found(None, (*found.faults, hidden))
        try:
            token = self._tokens.get(request, found, base)
        except CredentialsRefusedError:
            again = self._find_again(found, scope)
            if again is None:
                raise
            found, token = again, self._tokens.get(request, again, base)
        return Authorization(_bearer(token.text), _principal(found), found.words, found.credential)

    def _may_renew(self, used: str, scope: str, found: Found) -> bool:
        scheme, _, text = used.partition(" ")
        if scheme == "Bearer" and not (found.credential and found.credential.secret == text):
            self._tokens.forget(text)
            return True
        # A wrong password stays wrong, and some registries count the attempts; a helper may return another one.
        is_other = found.credential is None or used not in {found.credential.basic, f"Bearer {found.credential.secret}"}
        return is_other or self._find_again(found, scope) is not None

    def _find_again(self, found: Found, scope: str) -> Found | None:
        """Return the credential that a helper returns now, if it differs from the one found before."""
        if found.credential is None or not found.credential.is_told:
            return None
        self._credentials.forget()
        again = self._find(scope)
        return again if again.credential and _principal(again) != _principal(found) else None

    def _probe(self, answer: Answer, base: str) -> Challenge | None:
        """Request /v2/ once: some registries send their challenge there and nowhere else."""
        if self._has_probed or answer.headers.get("www-authenticate"):
            return self._challenge
        self._has_probed = True
        url, limit = f"{base}/v2/", self._settings.max_answer_bytes
        probed = self._http.ask("GET", url, {"Accept": "application/json"}, limit=limit)
        return _challenge_in(probed) if probed.status in REFUSALS and same_origin(probed.url, base) else None

    def _note(self, challenge: Challenge | None, scope: str) -> None:
        if not self._has_asked:
            note_asking(self._settings.cache_dir, self._registry)
        with self._lock:
            self._has_asked = True
            if challenge is None:
                return
            self._challenge = challenge
            named = challenge.parameters.get("scope", "")
            scopes = wider(scope, named, insufficient=_is_insufficient(challenge))
            if len(scopes) > 1:
                while len(self._wider) >= MAX_WIDER:
                    del self._wider[next(iter(self._wider))]
                self._wider[scope] = tuple(dict.fromkeys((*self._wider.get(scope, ()), *scopes)))

    def _warn(self, found: Found) -> None:
        for fault in found.faults:
            if fault not in self._warned:
                self._warned.add(fault)
                logger.warning("%s", printable(f"{self._registry} asks who is there: {fault}"))


class RequestAuthorization:
    """The tries of one request: the authorization of each, and what its refusal teaches."""

    def __init__(self, authorizer: Authorizer, scope: str) -> None:
        self._authorizer = authorizer
        self._scope = scope
        self._left = TRIES - 1
        self._current = Authorization()

    def authorize(self, base: str) -> Authorization:
        """Return the authorization of the next try; raise AuthError if the token service grants no token."""
        self._current = self._authorizer.authorize(base, self._scope)
        return self._current

    def may_try_again(self, answer: Answer, base: str) -> bool:
        """Return whether another try can succeed; raise AuthError if credentials are required and none were found."""
        # The host that a redirect leads to does not decide where this registry's credentials are sent.
        if answer.status not in REFUSALS or not same_origin(answer.url, base) or not self._left:
            return False
        self._left -= 1
        return self._authorizer.learn(answer, base, self._scope, self._current.authorization)

    @property
    def words(self) -> str:
        """The credentials of the last try, for an error message."""
        return self._current.words

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets of the last try."""
        return self._current.secrets


def _bearer(token: str) -> str:
    return Hidden(f"Bearer {token}")


def _principal(found: Found) -> str:
    return found.credential.fingerprint if found.credential else ANONYMOUS


def _challenge_in(answer: Answer) -> Challenge | None:
    return choose_challenge(parse_challenges(answer.headers.get("www-authenticate", "")))


def _is_insufficient(challenge: Challenge) -> bool:
    return challenge.parameters.get("error") == "insufficient_scope"
