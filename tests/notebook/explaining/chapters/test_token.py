"""Of a token its claims are told, whatever a service writes into them."""

from __future__ import annotations

from typing import Any

import pytest

import ocinb
from ocinb import samples
from ocinb.samples.tokens import TokenIssuer
from tests.notebook.explaining.replaying import figures

_TITLE = "The token"


def story_with(monkeypatch: pytest.MonkeyPatch, **claims: Any) -> Any:
    """Tell of an image whose token has some claims."""
    usual = TokenIssuer._claims

    def unusual(self: TokenIssuer, *about: Any) -> dict[str, Any]:
        return usual(self, *about) | claims

    monkeypatch.setattr(TokenIssuer, "_claims", unusual)
    with samples.registry(token=True) as registry:
        return ocinb.explain(registry.reference("demo/hello"))


def test_a_token_says_how_long_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    lives = figures(story_with(monkeypatch), _TITLE)["lives"]
    assert (lives.spans, lives.value) == (("5 min",), 300)


@pytest.mark.parametrize(
    "odd",
    [
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 1e308},
        {"exp": 10**400, "iat": 0.5},
        {"exp": "soon"},
        {"exp": True},
        {"iat": -1e300, "nbf": None},
        {"exp": 10**11},
    ],
    ids=str,
)
def test_a_life_that_is_none_is_not_told(monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]) -> None:
    monkeypatch.setattr(TokenIssuer, "_verified", lambda *_: {"access": [_ACCESS]})
    story = story_with(monkeypatch, **odd)
    told = figures(story, _TITLE)
    assert ("lives" in told) is (odd == {"exp": 10**11})
    assert max(map(len, repr(story).splitlines())) < 200
    assert story.html
    assert story.markdown


_ACCESS = {"type": "repository", "name": "demo/hello", "actions": ["pull"]}
