"""Bearer tokens as Docker Hub gives them: a challenge, an endpoint, and tokens that are good for one scope only.

Sources: distribution's spec/auth/token.md, jwt.md and scope.md. The tokens are real JWTs, signed by a key
of this process.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ocinb.samples.http import Answer, Request, error_answer, json_answer

_LIFE = 300
_SERVICE = "registry.sample"
_PULL, _EVERYTHING = "pull", "*"


@dataclass
class TokenIssuer:
    """Gives tokens, and says whether a request has a good one."""

    realm: str
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def revoke(self) -> None:
        """Make all tokens invalid that were given so far."""
        self._key = secrets.token_bytes(32)

    def token_answer(self, request: Request) -> Answer:
        """Answer the token endpoint."""
        if request.method != "GET":
            return error_answer(405, "UNSUPPORTED", "tokens are given to GET", headers={"Allow": "GET"})
        if self.credentials and not _is_basic(request.header("Authorization"), self.credentials):
            challenge = {"WWW-Authenticate": f'Basic realm="{self.realm}"'}
            return error_answer(401, "UNAUTHORIZED", "the credentials are wrong or missing", headers=challenge)
        now = int(time.time())
        # A scope may stand in a parameter of its own, or several in one with blanks between them.
        scopes = " ".join(request.query.get("scope", [])).split()
        token = self._sign(self._claims(granted(scopes), now))
        issued_at = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"
        return json_answer({"token": token, "access_token": token, "expires_in": _LIFE, "issued_at": issued_at})

    def refusal(self, request: Request, scope: str) -> Answer | None:
        """Refuse a request without a token that is good for the scope; None lets it pass."""
        kind, _, token = (request.header("Authorization") or "").partition(" ")
        if kind.lower() != "bearer":
            return self._challenge(scope)
        claims = self._verified(token.strip())
        if claims is None:
            return self._challenge(scope, "invalid_token")
        return None if not scope or scope in _scopes(claims) else self._challenge(scope, "insufficient_scope")

    def _challenge(self, scope: str, error: str = "") -> Answer:
        parameters = {"realm": self.realm, "service": _SERVICE, "scope": scope, "error": error}
        challenge = ",".join(f'{name}="{value}"' for name, value in parameters.items() if value)
        headers = {"WWW-Authenticate": f"Bearer {challenge}"}
        return error_answer(401, "UNAUTHORIZED", "authentication required", headers=headers)

    def _claims(self, access: list[dict[str, Any]], now: int) -> dict[str, Any]:
        subject = self.credentials[0] if self.credentials else ""
        times = {"iat": now, "nbf": now, "exp": now + _LIFE}
        return {
            "iss": self.realm,
            "sub": subject,
            "aud": _SERVICE,
            **times,
            "jti": secrets.token_hex(8),
            "access": access,
        }

    def _sign(self, claims: dict[str, Any]) -> str:
        signed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def _signature(self, signed: str) -> str:
        return _base64(hmac.digest(self._key, signed.encode(), "sha256"))

    def _verified(self, token: str) -> dict[str, Any] | None:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return None
        claims: dict[str, Any] = _decoded(signed.partition(".")[2])
        return claims if claims["exp"] > time.time() else None


def granted(scopes: Iterable[str]) -> list[dict[str, Any]]:
    """Say what is granted of the scopes that were asked for: reading, and nothing else.

    >>> granted(["repository:demo/shop:pull,push"])
    [{'type': 'repository', 'name': 'demo/shop', 'actions': ['pull']}]
    """
    access = []
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        allowed = {"repository": _PULL, "registry": _EVERYTHING}.get(kind)
        if allowed:
            wanted = {_EVERYTHING, allowed} & set(actions.split(","))
            access.append({"type": kind, "name": name, "actions": [allowed] if wanted else []})
    return access


def _scopes(claims: dict[str, Any]) -> set[str]:
    return {f"{entry['type']}:{entry['name']}:{action}" for entry in claims["access"] for action in entry["actions"]}


def _is_basic(header: str | None, credentials: tuple[str, str]) -> bool:
    expected = base64.b64encode(":".join(credentials).encode())
    kind, _, given = (header or "").partition(" ")
    return kind.lower() == "basic" and hmac.compare_digest(given.strip().encode(), expected)


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _encoded(value: Any) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _decoded(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
