"""Tokens: asked for at the address that a registry names, and kept in memory for their life.

Sources: distribution's spec/auth/token.md (GET, with a password or without) and oauth.md (POST, with a refresh token).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

from ocinb._credentials import is_bearer
from ocinb._pool import alone
from ocinb._settings import Settings
from ocinb._text import Hidden, HiddenBytes
from ocinb.auth.credentials import Credential, Found, Kind
from ocinb.auth.realms import refused_realm
from ocinb.errors import AuthError, InvalidError
from ocinb.network.addresses import safe_url
from ocinb.network.connections import Answer
from ocinb.network.redirects import AstrayError
from ocinb.network.session import Http
from ocinb.network.status_errors import SERVER_FAULT, credentials_hint, refusal
from ocinb.spec.strict_json import Fields, parse_object

# token.md: a token without expires_in lives for 60 seconds, and none may live shorter.
LEAST_LIFE_SECONDS = 60
# A token is not used in its last seconds: it could expire on the way.
MARGIN_SECONDS = 5
# Each repository has a token of its own; of a whole registry's, only the last ones are kept.
MAX_TOKENS = 1000
# Servers take headers of 8 to 64 KiB.
MAX_CHARACTERS = 64 * 1024
CLIENT = "ocinb"
# As containerd saw them: what token services that know no refresh tokens answer to a POST.
_NO_POST = frozenset({400, 401, 404, 405})
_NEVER_POST = frozenset({404, 405})
_FORM = "application/x-www-form-urlencoded"


class CredentialsRefusedError(AuthError):
    """The token service did not take what it was given."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token that is wanted: where it is asked for, by whom it is taken, and what it opens."""

    realm: str
    service: str
    scopes: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why it is asked for, for those who observe."""
        return f"token for {' '.join(self.scopes)}".removesuffix(" for ")


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and the moment at which it is no longer used."""

    text: str = field(repr=False)
    until: float


class TokenCache:
    """The tokens of one registry."""

    def __init__(self, http: Http, settings: Settings, registry: str) -> None:
        self._http = http
        self._settings = settings
        self._registry = registry
        self._lock = threading.Lock()
        self._kept: dict[tuple[TokenRequest, str], Token] = {}
        self._without_post: set[str] = set()

    def get(self, wanted: TokenRequest, found: Found, base: str) -> Token:
        """Give a token that is kept, or ask for one; of several threads one asks, and the others share it."""
        key = wanted, found.credential.fingerprint if found.credential else ""
        with alone((id(self), key)):
            token = self._kept.get(key)
            if token is None or token.until <= time.monotonic():
                token = self._fetch(wanted, found, base)
                self._keep(key, token)
        return token

    def forget(self, text: str) -> None:
        """Use a token no more."""
        with self._lock:
            self._kept = {key: token for key, token in self._kept.items() if token.text != text}

    def _keep(self, key: tuple[TokenRequest, str], token: Token) -> None:
        with self._lock:
            self._kept.pop(key, None)
            while len(self._kept) >= MAX_TOKENS:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = token

    def _fetch(self, wanted: TokenRequest, found: Found, base: str) -> Token:
        try:
            answer = self._answer(wanted, found.credential, base)
        except AstrayError as error:
            raise refused_realm(wanted.realm, base, error.message) from None
        service = f"the token service of {self._registry}"
        if answer.status in {401, 403}:
            raise self._refused(found, answer.url)
        if answer.status == 429 or answer.status >= SERVER_FAULT:  # noqa: PLR2004 - HTTP
            raise refusal(service, answer, secrets=found.credential.secrets if found.credential else ())
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise AuthError(f"{service} answered {answer.status}", url=safe_url(answer.url), hint=found.words)
        return read_token(answer)

    def _answer(self, wanted: TokenRequest, credential: Credential | None, base: str) -> Answer:
        if credential and credential.kind is Kind.IDENTITY and wanted.realm not in self._without_post:
            answer = self._post(wanted, credential, base)
            if answer.status in _NEVER_POST:
                self._without_post.add(wanted.realm)
            if answer.status not in _NO_POST:
                return answer
        return self._get(wanted, credential, base)

    def _post(self, wanted: TokenRequest, credential: Credential, base: str) -> Answer:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credential.secret,
            "service": wanted.service,
            "client_id": CLIENT,
            "access_type": "online",
            "scope": " ".join(wanted.scopes),
        }
        headers, limit = {"Content-Type": _FORM}, self._settings.max_answer_bytes
        said = {name: value for name, value in form.items() if value}  # some registries name no service
        body = HiddenBytes(urlencode(said, errors="surrogateescape").encode())
        return self._http.ask("POST", wanted.realm, headers, limit=limit, body=body, led_by=base, reason=wanted.reason)

    def _get(self, wanted: TokenRequest, credential: Credential | None, base: str) -> Answer:
        query = [("service", wanted.service)] if wanted.service else []
        query += [("scope", scope) for scope in wanted.scopes if scope]
        if credential and credential.user:
            query.append(("account", credential.user))
        headers = {"Authorization": credential.basic} if credential else {}
        url = f"{wanted.realm}{'&' if '?' in wanted.realm else '?'}{urlencode(query, errors='surrogateescape')}"
        return self._http.ask(
            "GET", url, headers, limit=self._settings.max_answer_bytes, led_by=base, reason=wanted.reason
        )

    def _refused(self, found: Found, url: str) -> AuthError:
        hint = f"{found.words}. {credentials_hint(self._registry)}"
        if found.credential is None:
            return AuthError(f"{self._registry} gives no token", url=safe_url(url), hint=hint)
        return CredentialsRefusedError(f"{self._registry} refuses the credentials", url=safe_url(url), hint=hint)


def read_token(answer: Answer) -> Token:
    """Read what a token service gave."""
    url = safe_url(answer.url)
    try:
        body = Fields(parse_object(answer.body, "the token"), "the token")
    except InvalidError:
        raise AuthError("the answer of the token service is not a JSON object", url=url) from None
    try:
        text = body.text("token") or body.text("access_token")
        life = _life(body.integer("expires_in") or 0, body.text("issued_at"), answer.headers.get("date"))
    except InvalidError:
        raise AuthError("the answer of the token service has a field of the wrong type", url=url) from None
    if not text or not is_bearer(text):
        raise AuthError("the token service gave no token", url=url)
    if len(text) > MAX_CHARACTERS:
        raise AuthError(f"the token service gave a token of more than {MAX_CHARACTERS:,} characters", url=url)
    return Token(Hidden(text), time.monotonic() + life - MARGIN_SECONDS)


def _life(expires_in: int, issued_at: str | None, date: str | None) -> float:
    """Give the seconds that a token has left, by the clock of who gave it where that is known.

    A time of issue that lies ahead, or so far back that the token would have come dead, is a clock that is wrong.
    """
    issued, now = _moment(issued_at), _http_date(date) or datetime.now(UTC)
    age = (now - issued).total_seconds() if issued else 0.0
    return max(expires_in - min(max(age, 0.0), max(expires_in, 0)), LEAST_LIFE_SECONDS)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if moment is None or moment.year <= 1:  # Go's way to say nothing
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _http_date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None
