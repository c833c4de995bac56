"""A token is asked for what reading needs, and for more only if the registry said that less was not enough."""

from __future__ import annotations

import pytest

from ocinb.auth.challenges import MAX_CHARACTERS, repository_of, wider

OURS = "repository:demo/shop:pull"


READING = [
    "repository:proxy/demo/shop:pull",
    "repository(plugin):demo/shop:pull",
    "repository:demo/shop:pull,metadata_read",
]
MORE = ["repository:demo/shop:pull,push", "repository:demo/shop:*", "*", "registry:catalog:*"]
NEVER = [
    "",
    OURS,
    "repository:other:pull,push",
    "repository:other:delete",
    "repository:a:pull\r\nX: y",
    "repository:\x00:pull",
    'a"b',
    "a\\b",
    "ü",
    "repository:a:pull " * (MAX_CHARACTERS // 18 + 1),
]


@pytest.mark.parametrize("named", READING)
def test_another_name_for_reading_is_asked_for_too(named: str) -> None:
    assert wider(OURS, named, insufficient=False) == wider(OURS, named, insufficient=True) == (OURS, named)


@pytest.mark.parametrize("named", MORE)
def test_more_is_asked_for_when_less_was_refused(named: str) -> None:
    assert wider(OURS, named, insufficient=False) == (OURS,)
    assert wider(OURS, named, insufficient=True) == (OURS, named)


@pytest.mark.parametrize("named", NEVER)
def test_what_is_never_asked_for(named: str) -> None:
    assert wider(OURS, named, insufficient=False) == wider(OURS, named, insufficient=True) == (OURS,)


def test_several_are_taken_apart() -> None:
    assert wider(OURS, f"{OURS}  {' '.join(READING)} *", insufficient=False) == (OURS, *READING)


@pytest.mark.parametrize(
    ("scope", "repository"),
    [
        (OURS, "demo/shop"),
        ("repository:host.example:5000/a:pull", "host.example:5000/a"),
        ("registry:catalog:*", None),
        ("", None),
    ],
)
def test_the_repository_of_a_scope(scope: str, repository: str | None) -> None:
    assert repository_of(scope) == repository
