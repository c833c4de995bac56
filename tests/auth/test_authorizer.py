"""A authorizer that nobody closes is passed without keys; one that is closed is opened with what its registry wants."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb._settings import settings
from ocinb.auth.authorizer import TRIES, Authorization, Authorizer
from ocinb.network.response import Answer
from ocinb.network.session import Http

BASE = "http://registry.example"
SCOPE = "repository:shop:pull"
PRIVATE = {"www-authenticate": 'Basic realm="shop"'}


@pytest.fixture
def authorizer() -> Authorizer:
    settings.credentials["registry.example"] = ("ada", "s3cret")
    return Authorizer(Http(settings), settings, "registry.example")


def refusal(status: int = 401, url: str = f"{BASE}/v2/shop/tags/list") -> Answer:
    return Answer(status, PRIVATE, b"", url)


def test_who_was_never_refused_says_nothing_and_shares_what_everybody_may_see(authorizer: Authorizer) -> None:
    assert authorizer.request(SCOPE).authorize(BASE) == Authorization()
    assert authorizer.principals(SCOPE) == ("",)


def test_after_a_refusal_the_next_try_says_who_is_there(authorizer: Authorizer) -> None:
    access = authorizer.request(SCOPE)
    access.authorize(BASE)
    assert access.may_try_again(refusal(), BASE)
    authorization = access.authorize(BASE)
    assert authorization.headers == {"Authorization": "Basic YWRhOnMzY3JldA=="}
    assert access.words == 'It was asked with the credentials of ocinb.settings.credentials["registry.example"]'
    assert "s3cret" in access.secrets
    assert "s3cret" not in repr(authorization)
    assert authorizer.principals(SCOPE) == (authorization.principal, "")
    assert authorizer.request(SCOPE).authorize(BASE) == authorization, "another question needs no refusal"


def test_a_registry_that_asked_an_earlier_process_is_known(authorizer: Authorizer, tmp_path: Path) -> None:
    settings.cache_dir = tmp_path
    assert authorizer.request(SCOPE).may_try_again(refusal(), BASE)
    later = Authorizer(Http(settings), settings, "registry.example")
    assert later.principals(SCOPE) == authorizer.principals(SCOPE)
    assert later.request(SCOPE).authorize(BASE) == Authorization(), "what it wants is not known any more"


def test_neither_another_answer_nor_that_of_another_host_is_a_refusal(authorizer: Authorizer) -> None:
    access = authorizer.request(SCOPE)
    assert not access.may_try_again(refusal(404), BASE)
    assert not access.may_try_again(refusal(url="http://elsewhere.example/blob"), BASE)
    assert access.authorize(BASE) == Authorization()


def test_tries_come_to_an_end(authorizer: Authorizer) -> None:
    access = authorizer.request(SCOPE)
    assert [access.may_try_again(refusal(), BASE) for _ in range(TRIES)] == [True] * (TRIES - 1) + [False]
