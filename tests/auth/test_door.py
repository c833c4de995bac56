"""A door that nobody closes is passed without keys; one that is closed is opened with what its registry wants."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb._settings import settings
from ocinb.auth.authorizer import TRIES, Door, Opening
from ocinb.network.response import Answer
from ocinb.network.session import Http

BASE = "http://registry.example"
SCOPE = "repository:shop:pull"
PRIVATE = {"www-authenticate": 'Basic realm="shop"'}


@pytest.fixture
def door() -> Door:
    settings.credentials["registry.example"] = ("ada", "s3cret")
    return Door(Http(settings), settings, "registry.example")


def refusal(status: int = 401, url: str = f"{BASE}/v2/shop/tags/list") -> Answer:
    return Answer(status, PRIVATE, b"", url)


def test_who_was_never_refused_says_nothing_and_shares_what_everybody_may_see(door: Door) -> None:
    assert door.visit(SCOPE).opening(BASE) == Opening()
    assert door.principals(SCOPE) == ("",)


def test_after_a_refusal_the_next_try_says_who_is_there(door: Door) -> None:
    visit = door.visit(SCOPE)
    visit.opening(BASE)
    assert visit.may_try_again(refusal(), BASE)
    opening = visit.opening(BASE)
    assert opening.headers == {"Authorization": "Basic YWRhOnMzY3JldA=="}
    assert visit.words == 'It was asked with the credentials of ocinb.settings.credentials["registry.example"]'
    assert "s3cret" in visit.secrets
    assert "s3cret" not in repr(opening)
    assert door.principals(SCOPE) == (opening.principal, "")
    assert door.visit(SCOPE).opening(BASE) == opening, "another question needs no refusal"


def test_a_registry_that_asked_an_earlier_process_is_known(door: Door, tmp_path: Path) -> None:
    settings.cache_dir = tmp_path
    assert door.visit(SCOPE).may_try_again(refusal(), BASE)
    later = Door(Http(settings), settings, "registry.example")
    assert later.principals(SCOPE) == door.principals(SCOPE)
    assert later.visit(SCOPE).opening(BASE) == Opening(), "what it wants is not known any more"


def test_neither_another_answer_nor_that_of_another_host_is_a_refusal(door: Door) -> None:
    visit = door.visit(SCOPE)
    assert not visit.may_try_again(refusal(404), BASE)
    assert not visit.may_try_again(refusal(url="http://elsewhere.example/blob"), BASE)
    assert visit.opening(BASE) == Opening()


def test_tries_come_to_an_end(door: Door) -> None:
    visit = door.visit(SCOPE)
    assert [visit.may_try_again(refusal(), BASE) for _ in range(TRIES)] == [True] * (TRIES - 1) + [False]
