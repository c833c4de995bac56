"""Authorization: what a registry's challenge asks for, and the tokens that answer it.

Sources: RFC 9110 section 11.6.1 for the header; distribution's token.md ("Token Authentication Specification").
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from ocinb._pool import alone
from ocinb._settings import Settings
from ocinb.errors import AuthError, InvalidError, TransportError
from ocinb.sources.addresses import followed, is_loopback, leads_within, safe_url, same_origin
from ocinb.sources.http import Answer, Http
from ocinb.sources.refusals import SERVER_FAULT, credentials_hint, refusal
from ocinb.spec.fields import Fields
from ocinb.spec.strictjson import parse_object

# token.md: a token without expires_in lives for 60 seconds, and none may live shorter.
LEAST_LIFE_SECONDS = 60
# A token is not used in its last seconds: it could expire on the way.
MARGIN_SECONDS = 5

_CHALLENGE = re.compile(
    r'(?:^|,)\s*(?P<scheme>[A-Za-z][\w-]*)(?=\s|$)|(?<![\w-])(?P<key>[\w-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"]+))'
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in that a registry offers: a scheme in lower case, and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A bearer token and the moment at which it is no longer used."""

    text: str
    until: float

    def __repr__(self) -> str:
        return "Token(***)"


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
    """

    def __init__(self, http: Http, settings: Settings, registry: str) -> None:
        self._http = http
        self._settings = settings
        self._registry = registry
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._tokens: dict[tuple[str, str, str | None], Token] = {}

    @property
    def principal(self) -> str:
        """A fingerprint of who asks: empty for anybody, and never the secret itself."""
        pair = self._credentials()
        return hashlib.sha256("\0".join(("ocinb", *pair)).encode()).hexdigest() if pair else ""

    def authorization(self, base: str, scope: str) -> str | None:
        """Give the header that opens a scope, as far as the registry has said before what it wants.

        Parameters
        ----------
        base
            The registry's URL.
        scope
            What is to be opened: ``repository:NAME:pull``.
        """
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            return self._basic()
        with alone((id(self), scope)):  # one asks, the others wait and share
            return f"Bearer {self._token(challenge, base, scope).text}"

    def hear(self, answer: Answer, used: str | None) -> bool:
        """Learn from a 401 what the registry wants; False if asking again cannot help.

        Parameters
        ----------
        answer
            The 401.
        used
            The header that was refused; its token is forgotten.

        Raises
        ------
        AuthError
            If it wants what there is not.
        """
        challenge = _choose(parse_challenges(answer.headers.get("www-authenticate", "")))
        if challenge is None:
            return False
        if challenge.scheme == "basic" and self._credentials() is None:
            raise self._refused("wants a user and a password", answer.url)
        if challenge.scheme == "basic" and used == self._basic():
            return False  # a wrong password is not made right by being sent twice; some registries count
        with self._lock:
            self._challenge = challenge
            self._tokens = {key: token for key, token in self._tokens.items() if used != f"Bearer {token.text}"}
        return True

    def _token(self, challenge: Challenge, base: str, scope: str) -> Token:
        realm = _realm(challenge, base)
        key = (realm, scope, self.principal)
        token = self._tokens.get(key)
        if token is None or token.until <= time.monotonic():
            if not _may_give_tokens(realm, base):
                what = f"the registry wants tokens to be asked for at {safe_url(realm)}, which is refused"
                raise AuthError(what, url=safe_url(base))
            token = self._fetch(realm, challenge.parameters.get("service"), scope, base)
            with self._lock:
                self._tokens[key] = token
        return token

    def _fetch(self, realm: str, service: str | None, scope: str, base: str) -> Token:
        query = urlencode({**({"service": service} if service else {}), "scope": scope})
        url = f"{realm}{'&' if '?' in realm else '?'}{query}"
        basic = self._basic()
        headers = {"Authorization": basic} if basic and _may_see_secret(realm, base) else {}
        answer = self._http.ask("GET", url, headers, limit=self._settings.max_answer_bytes)
        if answer.status in {401, 403}:
            raise self._refused("gives no token" if basic is None else "refuses the credentials", url)
        if answer.status == 429 or answer.status >= SERVER_FAULT:  # noqa: PLR2004 - HTTP
            raise refusal(f"the token service of {self._registry}", answer)
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise AuthError(f"the token service of {self._registry} answered {answer.status}", url=safe_url(url))
        return _read_token(answer)

    def _credentials(self) -> tuple[str, str] | None:
        return self._settings.credentials.get(self._registry)

    def _basic(self) -> str | None:
        pair = self._credentials()
        return "Basic " + base64.b64encode(":".join(pair).encode()).decode("ascii") if pair else None

    def _refused(self, what: str, url: str) -> AuthError:
        return AuthError(f"{self._registry} {what}", url=safe_url(url), hint=credentials_hint(self._registry))


def parse_challenges(header: str) -> list[Challenge]:
    """Read a ``WWW-Authenticate`` header.

    >>> [challenge] = parse_challenges('Bearer realm="https://auth.example/token",service="registry"')
    >>> challenge.scheme, challenge.parameters["service"]
    ('bearer', 'registry')
    """
    found: list[tuple[str, dict[str, str]]] = []
    for match in _CHALLENGE.finditer(header):
        if match["scheme"]:
            found.append((match["scheme"].lower(), {}))
        elif found:
            value = match["bare"] if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"])
            found[-1][1][match["key"].lower()] = value
    return [Challenge(scheme, parameters) for scheme, parameters in found]


def _choose(challenges: list[Challenge]) -> Challenge | None:
    for scheme in ("bearer", "basic"):
        for challenge in challenges:
            if challenge.scheme == scheme and (scheme == "basic" or challenge.parameters.get("realm")):
                return challenge
    return None


def _realm(challenge: Challenge, base: str) -> str:
    try:
        return followed(base, challenge.parameters.get("realm", ""))
    except TransportError as error:
        raise AuthError("the registry wants tokens to be asked for at no readable address", url=error.url) from None


def _may_give_tokens(realm: str, base: str) -> bool:
    """Say whether a registry may have tokens asked for at an address.

    At its own; at any over https that does not lead back into this machine; at any on this machine, if the registry is
    there too and speaks plain http, since nobody listens in.
    """
    there, here = urlsplit(realm), urlsplit(base)
    if there.scheme not in {"http", "https"} or not there.hostname or there.username or leads_within(base, realm):
        return False
    both_on_this_machine = is_loopback(there.hostname) and is_loopback(here.hostname)
    return there.scheme == "https" or same_origin(realm, base) or (here.scheme == "http" and both_on_this_machine)


def _may_see_secret(realm: str, base: str) -> bool:
    return urlsplit(realm).scheme == "https" or same_origin(realm, base)


def _read_token(answer: Answer) -> Token:
    url = safe_url(answer.url)
    # Nothing of what came is quoted: it may hold the token.
    try:
        body = Fields(parse_object(answer.body, "the token"), "the token")
    except InvalidError:
        raise AuthError("the answer of the token service is not a JSON object", url=url) from None
    try:
        text = body.text("token") or body.text("access_token")
        life = body.integer("expires_in") or 0
    except InvalidError:
        raise AuthError("the answer of the token service has a field of the wrong type", url=url) from None
    if not text or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise AuthError("the token service gave no token", url=url)
    return Token(text, time.monotonic() + max(life, LEAST_LIFE_SECONDS) - MARGIN_SECONDS)
