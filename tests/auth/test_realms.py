"""Tokens are asked for, and credentials shown, only where a registry may say so."""

from __future__ import annotations

import pytest

from ocinb._settings import Settings
from ocinb.auth.realms import may_give_tokens, may_see_credentials, realm_of
from ocinb.errors import AuthError

HUB, LOCAL = "https://registry-1.docker.io", "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("base", "realm", "may"),
    [
        ("https://registry.example", "https://auth.example/token", True),
        ("https://registry.example", "https://registry.example/token", True),
        ("https://registry.example", "http://registry.example/token", False),
        ("https://registry.example", "http://insecure.example/token", False),
        ("https://registry.example", "ftp://auth.example/token", False),
        ("https://registry.example", "https:///token", False),
        ("https://127.0.0.1:5000", "https://localhost/token", True),
        ("https://127.0.0.1:5000", "http://127.0.0.1:5000/token", False),
        (LOCAL, "http://127.0.0.1:5000/token", True),
        (LOCAL, "http://127.0.0.1:5001/token", True),
        (LOCAL, "http://localhost:5001/token", True),
        (LOCAL, "http://auth.example/token", False),
        (LOCAL, "http://insecure.example/token", True),
        (LOCAL, "https://auth.example/token", True),
        ("http://insecure.example", "http://auth.example/token", False),
        ("http://insecure.example", "http://127.0.0.1/token", False),
        ("http://insecure.example", "http://insecure.example/token", True),
        ("http://insecure.example:5000", "http://insecure.example/token", True),
    ],
)
def test_where_tokens_may_be_asked_for(base: str, realm: str, may: bool) -> None:  # noqa: FBT001 - a row
    assert may_give_tokens(realm, base, Settings(insecure_registries=("insecure.example",))) is may


@pytest.mark.parametrize(
    ("base", "realm", "may"),
    [
        ("https://registry.example", "https://auth.example/token", True),
        ("https://registry.example", "http://registry.example/token", False),
        ("https://registry.example", "http://insecure.example/token", False),
        (LOCAL, "https://auth.example/token", True),
        (LOCAL, "http://127.0.0.1:5000/token", True),
        (LOCAL, "http://127.0.0.1:5001/token", True),
        (LOCAL, "http://localhost:5001/token", False),
        (LOCAL, "http://127.0.0.2:5000/token", False),
        (LOCAL, "http://insecure.example/token", True),
        ("http://insecure.example", "http://insecure.example:5001/token", True),
    ],
)
def test_who_may_see_credentials(base: str, realm: str, may: bool) -> None:  # noqa: FBT001 - a row
    assert may_see_credentials(realm, base, Settings(insecure_registries=("insecure.example",))) is may


@pytest.mark.parametrize(
    "parameter",
    [
        "http://auth.docker.io/token",
        "https://ada:pw-of-ada@auth.example/token",
        "https://ada@auth.example/token",
        "https://auth.example:99999/token",
        "https://[::1/token",
        "https://auth.example\\@evil.example/token",
        "https://auth.example/\r\nX: y",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_a_realm_that_is_none(parameter: str) -> None:
    with pytest.raises(AuthError, match="wants tokens to be asked for at") as caught:
        realm_of(parameter, HUB, Settings())
    assert "pw-of-ada" not in f"{caught.value}{vars(caught.value)}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
