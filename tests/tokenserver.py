"""A token service that a real registry believes: it signs by ES256 or RS256 and remembers all that it was asked.

Before Debian's docker-registry: start the service first, put what ``registry_yaml()`` gives under ``auth:`` of the
registry's configuration, and start the registry. It names the realm, the service, the issuer and ``rootcertbundle``,
the self-signed certificate of the key; each token's ``kid`` is that key's libtrust fingerprint, by which
docker-registry 2.8 finds it. ::

    with tokenserver.serve(tmp_path, users={"ada": "s3cret"}) as tokens:
        configuration += tokens.registry_yaml()
        ...
        tokens.requests                  # every request: method, path, query, form, headers, status, user
        tokens.life = -120               # tokens that have expired (docker-registry forgives 60 s)
        tokens.withhold(1)               # the next token opens nothing: "insufficient_scope"
        tokens.refresh_tokens["rt"] = "ada"   # identity tokens and whom they stand for
        tokens.post_status = 405         # a service that knows GET only

Before the embedded registry: ``tokens.guard(sample)`` for one that was started with ``token=True``; it sends people
here, and the tokens are signed as it wants them.

Sources: distribution's spec/auth/token.md, oauth.md and jwt.md.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ocinb.samples import SampleRegistry
from ocinb.samples.tokens import granted

ISSUER, SERVICE = "tests.tokenserver", "registry.test"

Algorithm = Literal["ES256", "RS256"]


@dataclass(frozen=True)
class Asked:
    """A request that came in; its body is a form, or nothing."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, list[str]]
    status: int
    user: str | None

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    @property
    def scopes(self) -> list[str]:
        """Give what was asked for, in a query or a form."""
        return " ".join(self.query.get("scope", []) + list(self.form.get("scope", []))).split()

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers.items() if known.lower() == name.lower()), None)

    @property
    def everything(self) -> str:
        """Give all that was sent, to look for secrets in it."""
        return f"{self.method} {self.path} {dict(self.headers)} {dict(self.form)}"


@dataclass
class TokenServer:
    """What the service knows and does; every attribute may be changed while it runs."""

    key: Any
    algorithm: Algorithm
    certificate: Path
    realm: str
    users: dict[str, str] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    life: int = 300
    said_life: int | None = None
    post_status: int | None = None
    requests: list[Asked] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    service: str = SERVICE
    sign: Callable[[dict[str, Any]], str] | None = None
    _withheld: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def registry_yaml(self) -> str:
        lines = {
            "realm": self.realm,
            "service": self.service,
            "issuer": ISSUER,
            "rootcertbundle": self.certificate,
        }
        return "auth:\n  token:\n" + "".join(f"    {name}: {str(value)!r}\n" for name, value in lines.items())

    def guard(self, sample: SampleRegistry) -> None:
        """Have the embedded registry, started with ``token=True``, send people here for its tokens."""
        issuer = sample._tokens
        assert issuer is not None, "start it with token=True"
        issuer.realm = self.realm
        self.sign = issuer._sign

    def withhold(self, times: int) -> None:
        """Let the next tokens open nothing."""
        self._withheld = times

    def answer(self, asked: Asked) -> tuple[int, dict[str, Any], str | None]:
        """Give the status, the body and whom it is for."""
        with self._lock:
            if asked.method == "POST":
                if self.post_status is not None:
                    return self.post_status, {"errors": [{"code": "UNSUPPORTED"}]}, None
                known, user = self._who_posts(asked.form)
            else:
                known, user = self._who_gets(asked.header("Authorization"))
            if not known:
                return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]}, None
            return 200, self._token(asked, user), user

    def _who_gets(self, authorization: str | None) -> tuple[bool, str | None]:
        if authorization is None:
            return not self.users, None
        kind, _, text = authorization.partition(" ")
        user, _, secret = base64.b64decode(text).decode().partition(":")
        return kind.lower() == "basic" and self.users.get(user) == secret, user

    def _who_posts(self, form: Mapping[str, list[str]]) -> tuple[bool, str | None]:
        match form.get("grant_type"):
            case ["refresh_token"]:
                user = self.refresh_tokens.get("".join(form.get("refresh_token", [])))
                return user is not None, user
            case ["password"]:
                user = "".join(form.get("username", []))
                return self.users.get(user, object()) == "".join(form.get("password", [])), user
            case _:
                return False, None

    def _token(self, asked: Asked, user: str | None) -> dict[str, Any]:
        now = int(time.time())
        access = granted(asked.scopes) if self._withheld <= 0 else []
        self._withheld -= 1
        claims = {
            "iss": ISSUER,
            "sub": user or "",
            "aud": self.service,
            "iat": now,
            "nbf": now - 10,
            "exp": now + self.life,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        token = (self.sign or self._signed)(claims)
        names = ["access_token"] if asked.method == "POST" else ["token", "access_token"]
        issued_at = f"{dt.datetime.fromtimestamp(now, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
        expires_in = self.life if self.said_life is None else self.said_life
        body = {**dict.fromkeys(names, token), "expires_in": expires_in, "issued_at": issued_at}
        if asked.method == "POST":
            body |= {"scope": " ".join(asked.scopes), "refresh_token": "".join(asked.form.get("refresh_token", []))}
        return {**body, **self.extra}

    def _signed(self, claims: dict[str, Any]) -> str:
        headers = {"kid": fingerprint(self.key.public_key())}
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers=headers)


def fingerprint(public_key: Any) -> str:
    """Give libtrust's name of a key: 240 bits of the SHA-256 of its DER, in base 32, in groups of four."""
    der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


@contextmanager
def serve(
    directory: Path, *, algorithm: Algorithm = "ES256", users: Mapping[str, str] | None = None
) -> Iterator[TokenServer]:
    """Run a token service on loopback.

    Parameters
    ----------
    directory
        Where the certificate of its key is written.
    algorithm
        How tokens are signed.
    users
        Who gets tokens, and their passwords; without any, everybody does.
    """
    key: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if algorithm == "ES256"
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    certificate = directory / f"tokens-{algorithm}.pem"
    certificate.write_bytes(_certificate(key))
    with _Server(("127.0.0.1", 0), _Handler) as listener:
        realm = f"http://127.0.0.1:{listener.server_port}/token"
        listener.tokens = TokenServer(key, algorithm, certificate, realm, dict(users or {}))
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield listener.tokens
        finally:
            listener.shutdown()
            thread.join()


def _certificate(key: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ISSUER)])
    today = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tokens: TokenServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        form = parse_qs(self.rfile.read(length).decode(), keep_blank_values=True)
        asked = Asked(self.command, self.path, dict(self.headers.items()), form, 0, None)
        status, body, user = self.server.tokens.answer(asked)
        self.server.tokens.requests.append(Asked(asked.method, asked.path, asked.headers, form, status, user))
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_POST = do_GET  # noqa: N815 - http.server looks for this name

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - http.server's signature
        pass
