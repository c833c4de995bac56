"""Challenges and tokens that are none, or have no end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ocinb.errors import AuthError, InvalidError, RateLimitError, TransportError
from ocinb.samples.http import Request
from ocinb.samples.images import make_json
from tests.hostile.rows import Row
from tests.hostile.server import Reply
from tests.hostile.world import SECRET, World


def _token(body: bytes, status: int = 200) -> Callable[[World], object]:
    return lambda world: world.bend("/token", lambda _, __: Reply(status, (), body))


def _challenge(challenge: str) -> Callable[[World], object]:
    def bend(_: Request, reply: Reply) -> Reply:
        return reply.with_headers(WWW_Authenticate=challenge) if reply.status == 401 else reply

    return lambda world: world.bend("/v2/*", bend)


def _never(challenge: str = "") -> Callable[[World], object]:
    """Refuse every token, for ever."""

    def arrange(world: World) -> None:
        wider = 'error="insufficient_scope",scope="repository:demo/app:pull,push"'
        refused = challenge or f'Bearer realm="{world.registry.base}/token",{wider}'
        world.bend("/v2/*", lambda _, __: Reply(401, (("WWW-Authenticate", refused),)))

    return arrange


def _echo(status: int, said: Callable[[str], Reply]) -> Callable[[World], object]:
    """Say back what opens the registry, to those who have a token."""

    def bend(request: Request, reply: Reply) -> Reply:
        token = (request.header("Authorization") or "").partition(" ")[2]
        return replace(said(f"{SECRET} {token}"), status=status) if token and reply.status < 400 else reply

    return lambda world: world.bend("/v2/*", bend)


def _complaint(words: str) -> Reply:
    return Reply(body=make_json({"errors": [{"code": f"X {words}", "message": words}]}))


ROWS = [
    *[
        Row(f"an error {status} that says the token and the password back", "layers", _echo(status, _complaint), error)
        for status, error in [(403, AuthError), (429, RateLimitError), (500, TransportError), (503, TransportError)]
    ],
    Row(
        "a warning that says the token and the password back",
        "layers",
        _echo(500, lambda words: Reply(headers=(("Warning", f'299 - "{words}"'),))),
        TransportError,
    ),
    *[
        Row(
            f"a token service that fails by {status} and says the password back",
            "layers",
            _token(make_json({"errors": [{"code": "X", "message": SECRET}]}), status),
            error,
        )
        for status, error in [(403, AuthError), (429, RateLimitError), (500, TransportError)]
    ],
    Row("a token that is a list", "layers", _token(b"[]"), AuthError),
    Row("a token that is a number", "layers", _token(b'{"token": 5}'), AuthError),
    Row("an empty token", "layers", _token(b'{"token": ""}'), AuthError, "no token"),
    Row("a token of two lines", "layers", _token(b'{"token": "a\\r\\nX-Injected: yes"}'), AuthError, "no token"),
    Row("a token that is no ASCII", "layers", _token('{"token": "tök"}'.encode()), AuthError, "no token"),
    Row(
        "a token beyond the limit",
        "layers",
        _token(make_json({"token": "x" * 3000})),
        InvalidError,
        "limit",
        settings={"max_answer_bytes": 2000},
    ),
    Row(
        "a token without an end",
        "layers",
        lambda world: world.bend("/token", lambda _, __: Reply(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 100_000)),
        InvalidError,
        "limit",
        settings={"max_answer_bytes": 2000},
    ),
    Row("a token that lives for ever", "layers", _token(b'{"token": "x", "expires_in": 1e400}'), AuthError),
    Row("a token whose life is a text", "layers", _token(b'{"token": "x", "expires_in": "long"}'), AuthError),
    Row("a token under two keys", "layers", _token(b'{"token": "x", "token": "y"}'), AuthError),
    Row("a web page for a token", "layers", _token(b"<html>s3cret-of-ada</html>"), AuthError),
    Row(
        "a token that breaks off",
        "layers",
        lambda world: world.bend("/token", lambda _, __: Reply(200, (), b'{"token": "x"}', cut=3)),
        TransportError,
    ),
    Row("no token service", "layers", _token(b"", 404), AuthError, "404"),
    Row("a token service that refuses", "layers", _token(b"s3cret-of-ada", 401), AuthError, "refuses the credentials"),
    Row("a token service that fails", "layers", _token(b"", 500), TransportError, "500"),
    Row(
        "a token service with too many requests",
        "layers",
        lambda world: world.bend("/token", lambda _, __: Reply(429, (("Retry-After", "31536000"),))),
        RateLimitError,
    ),
    Row("tokens that are refused for ever", "layers", _never(), AuthError),
    Row("passwords that are refused for ever", "layers", _never('Basic realm="x"'), AuthError),
    Row("a refusal without a challenge", "layers", _challenge(""), AuthError),
    Row("a challenge of nothing but commas", "layers", _challenge("," * 20_000), AuthError),
    Row("a challenge of quotes without an end", "layers", _challenge('Bearer realm="' + "\\" * 20_000), AuthError),
    Row("a challenge without a realm", "layers", _challenge('Bearer service="x"'), AuthError),
    Row("a challenge in a scheme that nobody knows", "layers", _challenge('Negotiate abc==, Hawk id="x"'), AuthError),
    Row(
        "a challenge for another repository",
        "layers",
        _challenge('Bearer realm="/token",scope="repository:secret/vault:pull,push,delete"'),
        None,
    ),
]
