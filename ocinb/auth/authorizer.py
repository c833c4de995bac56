"""Authorization: how a registry is entered, by what it asks for and by who we are.

Sources: RFC 9110, sections 11.3 to 11.6; RFC 6750, section 3.1; distribution's spec/auth/token.md.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from ocinb._settings import Settings
from ocinb._text import Hidden, printable
from ocinb.auth.challenges import Challenge, choose_challenge, parse_challenges, repository_of, wider
from ocinb.auth.credentials import Credential, Found, Kind, Wallet
from ocinb.auth.realms import may_see_credentials, realm_of
from ocinb.auth.tokens import CredentialsRefusedError, Tokens, Wanted
from ocinb.errors import AuthError
from ocinb.network.addresses import safe_url, same_origin
from ocinb.network.response import Answer
from ocinb.network.session import Http
from ocinb.network.status_errors import credentials_hint
from ocinb.storage.responses import is_asking, note_asking

# How those are answered who have no opening, or not the right one.
REFUSALS = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Opening:
    """What a question is sent with.

    Attributes
    ----------
    authorization
        The header, or None.
    principal
        A fingerprint of who asks, never the secret itself: empty if the registry is told nothing at all.
    words
        As whom the registry is asked, for an error.
    credential
        As whom, if as anybody.
    """

    authorization: str | None = field(default=None, repr=False)
    principal: str = ""
    words: str = Found().words
    credential: Credential | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What the registry is told, or was."""
        own = (self.authorization.partition(" ")[2],) if self.authorization else ()
        return (*own, *(self.credential.secrets if self.credential else ()))

    @property
    def headers(self) -> dict[str, str]:
        """What goes into the request."""
        return {"Authorization": self.authorization} if self.authorization else {}


logger = logging.getLogger("ocinb")

# In how many scopes a registry may have said that it wants more than we would ask for.
MAX_WIDER = 1000
# Who asks a registry that wants to know, and says nothing.
ANONYMOUS = "anonymous"


class Keyring:
    """What opens one registry: its credentials and its tokens, which live in memory only.

    Parameters
    ----------
    http
        Who asks for tokens.
    settings
        Where credentials are looked up, each time anew.
    registry
        The registry's name.

    Attributes
    ----------
    has_asked
        Whether the registry has wanted to know who is there.
    """

    def __init__(self, http: Http, settings: Settings, registry: str) -> None:
        self._http = http
        self._settings = settings
        self._registry = registry
        self._wallet = Wallet(settings, registry)
        self._tokens = Tokens(http, settings, registry)
        self._lock = threading.Lock()
        self.has_asked = False
        self._has_knocked = False
        self._challenge: Challenge | None = None
        self._wider: dict[str, tuple[str, ...]] = {}
        self._told: set[str] = set()

    def principal(self, scope: str) -> str:
        """Say as whom a scope is asked for: a fingerprint, never the secret itself."""
        return _principal(self._find(scope))

    def opening(self, base: str, scope: str) -> Opening:
        """Give what opens a scope, as far as the registry has said before what it wants.

        Parameters
        ----------
        base
            The registry's URL.
        scope
            What is to be opened.

        Raises
        ------
        AuthError
            If no token is given.
        """
        if not self.has_asked:
            return Opening()
        found = self._find(scope)
        self._warn(found)
        credential, challenge = found.credential, self._challenge
        if credential and credential.kind is Kind.BEARER:
            return Opening(_bearer(credential.secret), _principal(found), found.words, credential)
        if challenge is not None and challenge.scheme == "bearer":
            return self._with_token(challenge, found, base, scope)
        if credential is None:
            return Opening(words=found.words)
        return Opening(credential.basic, _principal(found), found.words, credential)

    def hear(self, answer: Answer, base: str, scope: str, used: str | None) -> bool:
        """Learn from a refusal what the registry wants; False if asking again cannot help.

        Parameters
        ----------
        answer
            The refusal.
        base
            The registry's URL.
        scope
            What was to be opened.
        used
            The header that was refused; its token is forgotten.

        Raises
        ------
        AuthError
            If it wants what there is not.
        """
        challenge = self._challenge_in(answer) or (None if used else self._knock(answer, base))
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

    def _with_token(self, challenge: Challenge, found: Found, base: str, scope: str) -> Opening:
        realm = realm_of(challenge.parameters["realm"], base, self._settings)
        wanted = Wanted(realm, challenge.parameters.get("service", ""), self._wider.get(scope, (scope,)))
        if found.credential and not may_see_credentials(realm, base, self._settings):
            hidden = f"those of {found.credential.origin} are not shown to {safe_url(realm)} over plain http"
            found = Found(None, (*found.faults, hidden))
        try:
            token = self._tokens.get(wanted, found, base)
        except CredentialsRefusedError:
            again = self._asked_again(found, scope)
            if again is None:
                raise
            found, token = again, self._tokens.get(wanted, again, base)
        return Opening(_bearer(token.text), _principal(found), found.words, found.credential)

    def _may_renew(self, used: str, scope: str, found: Found) -> bool:
        scheme, _, text = used.partition(" ")
        if scheme == "Bearer" and not (found.credential and found.credential.secret == text):
            self._tokens.forget(text)
            return True
        # A wrong password is not made right by being sent twice, and some registries count; a helper may know better.
        is_other = found.credential is None or used not in {found.credential.basic, f"Bearer {found.credential.secret}"}
        return is_other or self._asked_again(found, scope) is not None

    def _asked_again(self, found: Found, scope: str) -> Found | None:
        """Give what a helper says now, if it said something else before."""
        if found.credential is None or not found.credential.is_told:
            return None
        self._wallet.forget()
        again = self._find(scope)
        return again if again.credential and _principal(again) != _principal(found) else None

    def _find(self, scope: str) -> Found:
        return self._wallet.find(repository_of(scope))

    def _challenge_in(self, answer: Answer) -> Challenge | None:
        return choose_challenge(parse_challenges(answer.headers.get("www-authenticate", "")))

    def _knock(self, answer: Answer, base: str) -> Challenge | None:
        """Ask at the front door, where some registries say what they want and elsewhere do not; once."""
        if self._has_knocked or answer.headers.get("www-authenticate"):
            return self._challenge
        self._has_knocked = True
        url, limit = f"{base}/v2/", self._settings.max_answer_bytes
        said = self._http.ask("GET", url, {"Accept": "application/json"}, limit=limit)
        is_its_own = said.status in REFUSALS and same_origin(said.url, base)
        return self._challenge_in(said) if is_its_own else None

    def _note(self, challenge: Challenge | None, scope: str) -> None:
        if not self.has_asked:
            note_asking(self._settings.cache_dir, self._registry)
        with self._lock:
            self.has_asked = True
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
            if fault not in self._told:
                self._told.add(fault)
                logger.warning("%s", printable(f"{self._registry} asks who is there: {fault}"))


def _bearer(token: str) -> str:
    return Hidden(f"Bearer {token}")


def _principal(found: Found) -> str:
    return found.credential.fingerprint if found.credential else ANONYMOUS


def _is_insufficient(challenge: Challenge) -> bool:
    return challenge.parameters.get("error") == "insufficient_scope"


# To learn what is wanted, to be told that it was not enough, and once more.
TRIES = 3


class Door:
    """The way into one registry.

    Parameters
    ----------
    http
        Who asks for tokens.
    settings
        Where credentials are looked up, each time anew.
    registry
        The registry's name.
    """

    def __init__(self, http: Http, settings: Settings, registry: str) -> None:
        self._http = http
        self._settings = settings
        self._registry = registry
        self._lock = threading.Lock()
        self._keyring: Keyring | None = None
        self._was_asking: bool | None = None

    def visit(self, scope: str) -> Visit:
        """Begin a question; ``scope`` is what a token has to open, such as ``repository:NAME:pull``."""
        return Visit(self, scope)

    def principals(self, scope: str) -> tuple[str, ...]:
        """Say whose answers may be given to us again: our own, and those that were given to nobody in particular.

        Files are not read and helpers not run for a registry that has never asked.
        """
        if self._was_asking is None:
            self._was_asking = is_asking(self._settings.cache_dir, self._registry)
        has_asked = self._keyring is not None and self._keyring.has_asked
        return (self._keys().principal(scope), "") if has_asked or self._was_asking else ("",)

    def opening(self, base: str, scope: str) -> Opening:
        """Give what opens a scope, as far as the registry has said before what it wants.

        Parameters
        ----------
        base
            The registry's URL.
        scope
            What is to be opened.

        Raises
        ------
        AuthError
            If no token is given.
        """
        return Opening() if self._keyring is None else self._keyring.opening(base, scope)

    def hear(self, answer: Answer, base: str, scope: str, used: str | None) -> bool:
        """Learn from a refusal, as `Keyring.hear` does."""
        return self._keys().hear(answer, base, scope, used)

    def _keys(self) -> Keyring:
        # Tokens, logins and the programs that tell them need not be loaded for a registry that nobody has to enter.

        with self._lock:
            if self._keyring is None:
                self._keyring = Keyring(self._http, self._settings, self._registry)
            return self._keyring


class Visit:
    """One question, from its first try to its last: what each is sent with, and what its refusal teaches."""

    def __init__(self, door: Door, scope: str) -> None:
        self._door = door
        self._scope = scope
        self._left = TRIES - 1
        self._opening = Opening()

    def opening(self, base: str) -> Opening:
        """Give what the next try is sent with.

        Raises
        ------
        AuthError
            If no token is given.
        """
        self._opening = self._door.opening(base, self._scope)
        return self._opening

    def may_try_again(self, answer: Answer, base: str) -> bool:
        """Learn from an answer, and say whether another try can help.

        Raises
        ------
        AuthError
            If the registry wants what there is not.
        """
        # What a redirect led to has no say in where this registry's credentials go.
        if answer.status not in REFUSALS or not same_origin(answer.url, base) or not self._left:
            return False
        self._left -= 1
        return self._door.hear(answer, base, self._scope, self._opening.authorization)

    @property
    def words(self) -> str:
        """Say as whom the registry was asked."""
        return self._opening.words

    @property
    def secrets(self) -> tuple[str, ...]:
        """Give what the registry was told."""
        return self._opening.secrets
