"""Keys are one however they are written, the best one is found, and a value shows itself nowhere."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import pprint
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb._credentials import Credentials, Login, fold_key, keys_for
from ocinb._settings import Settings
from ocinb.errors import InvalidError

SECRET = "s3cret-of-ada"


@pytest.mark.parametrize(
    ("key", "folded"),
    [
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("https://index.docker.io/v1/access-token", "docker.io"),
        ("index.docker.io/v1/", "docker.io"),
        ("docker.io/v1", "docker.io"),
        ("Docker.IO/library/python", "docker.io/library/python"),
        ("ghcr.io", "ghcr.io"),
        ("GHCR.io/", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("HTTPS://ghcr.io/v2/", "ghcr.io"),
        ("http://registry.example:5000/v1/", "registry.example:5000"),
        ("registry.example/v2/", "registry.example"),
        ("registry.example/v2", "registry.example/v2"),
        ("ghcr.io/org/app/", "ghcr.io/org/app"),
        ("https://ghcr.io/org", "ghcr.io"),
        ("registry.example:443", "registry.example:443"),
        ("[::1]:5000", "[::1]:5000"),
        (" ghcr.io\n", "ghcr.io"),
        ("localhost", "localhost"),
        ("", None),
        ("https://", None),
        ("/org", None),
        (f"ada:{SECRET}@ghcr.io", None),
        (f"https://ada:{SECRET}@ghcr.io/", None),
        ("a b", None),
        ("host:port", None),
    ],
)
def test_keys(key: str, folded: str | None) -> None:
    assert fold_key(key) == folded


@given(st.text(max_size=40))
def test_a_folded_key_stays_as_it_is(key: str) -> None:
    folded = fold_key(key)
    assert folded is None or fold_key(folded) in {folded, folded.partition("/")[0]}


@pytest.mark.parametrize(
    ("registry", "repository", "keys"),
    [
        ("ghcr.io", "org/team/app", ["ghcr.io/org/team/app", "ghcr.io/org/team", "ghcr.io/org", "ghcr.io"]),
        ("ghcr.io", None, ["ghcr.io"]),
        ("registry-1.docker.io", "library/python", ["docker.io/library/python", "docker.io/library", "docker.io"]),
        ("LOCALHOST:5000", "a", ["localhost:5000/a", "localhost:5000"]),
    ],
)
def test_keys_for_a_repository(registry: str, repository: str | None, keys: list[str]) -> None:
    assert keys_for(registry, repository) == keys


def test_all_names_of_one_host_are_one_entry() -> None:
    credentials = Credentials({"https://index.docker.io/v1/": ("ada", SECRET)})
    credentials["Docker.io"] = ("bert", SECRET)
    assert dict(credentials) == {"docker.io": ("bert", SECRET)}
    assert "registry-1.docker.io" in credentials
    assert "ghcr.io" not in credentials
    del credentials["index.docker.io"]
    assert len(credentials) == 0


def test_they_can_be_changed_while_they_are_gone_through() -> None:
    credentials = Credentials({"a.example": ("ada", SECRET), "b.example": ("ada", SECRET)})
    for host in credentials:
        del credentials[host]
    assert not credentials


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("a:da", SECRET), "a user's name has no colon"),
        (("ada\r\nX", SECRET), "line break"),
        (("<bearer>", f"{SECRET}\r\nX: y"), "a token is printable ASCII"),
        (("<bearer>", ""), "a token is printable ASCII"),
    ],
)
def test_what_no_header_can_carry_is_refused(pair: tuple[str, str], words: str) -> None:
    with pytest.raises(InvalidError, match=words) as caught:
        Credentials({"ghcr.io": pair})
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("user", ["<token>", "<bearer>", "AWS", "_json_key", "$oauthtoken", "org+robot", "", "ädä"])
def test_users_of_all_kinds(user: str) -> None:
    assert Credentials({"ghcr.io": (user, "a:b\u00fc" if user[:1] != "<" else "eyJ")})["ghcr.io"][0] == user


@pytest.mark.parametrize("key", [f"ada:{SECRET}@ghcr.io", f"ada {SECRET}", ""])
def test_a_key_that_names_no_host_is_refused_without_being_quoted(key: str) -> None:
    for change in (lambda: Credentials({key: ("ada", "x")}), lambda: Credentials()[key]):
        with pytest.raises((InvalidError, KeyError)) as caught:
            change()
        assert SECRET not in "".join(traceback.format_exception(caught.value)).replace(key or "\0", "")
        assert SECRET not in f"{caught.value}{vars(caught.value)}{caught.value.args}"


def shown(thing: Any) -> list[str]:
    return [repr(thing), str(thing), f"{thing}", pprint.pformat(thing), repr([thing]), repr({"x": thing})]


def test_no_view_of_them_shows_a_value() -> None:
    from IPython.lib.pretty import pretty as shown_in_a_notebook

    pretty: Callable[[object], str] = shown_in_a_notebook

    settings = Settings(credentials={"ghcr.io": ("ada-user", SECRET)})  # type: ignore[arg-type]
    credentials = settings.credentials
    things = [
        settings, credentials, credentials["ghcr.io"], credentials.items(), credentials.values(), dict(credentials),
        copy.copy(credentials), copy.deepcopy(settings), dataclasses.asdict(settings), dataclasses.replace(settings),
    ]  # fmt: skip
    texts = [text for thing in things for text in [*shown(thing), pretty(thing)]]
    assert not [text for text in texts if SECRET in text or "ada-user" in text]
    assert "ghcr.io" in repr(credentials)
    with pytest.raises(TypeError):
        vars(credentials)
    assert copy.deepcopy(settings).credentials["ghcr.io"] == ("ada-user", SECRET), "a copy works as its model does"


@pytest.mark.parametrize("thing", [Credentials({"ghcr.io": ("ada", SECRET)}), Login(("ada", SECRET))])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_they_are_not_pickled(thing: object, protocol: int) -> None:
    with pytest.raises(InvalidError, match="in memory only") as caught:
        pickle.dumps(thing, protocol)
    assert SECRET not in str(caught.value)
