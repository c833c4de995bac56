"""Tokens are asked for once, kept for their life and scope, and only where it is right to ask."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ocinb._pool import run_all
from ocinb._settings import settings
from ocinb.errors import AuthError, InvalidError, OcinbError, RateLimitError, TransportError
from ocinb.network.session import Http
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.images import find_images, resolve_name
from ocinb.sources.session import close_default_session, default_session
from ocinb.sources.tag_lists import list_repositories
from tests.patience import SECONDS
from tests.transferring import open_repository

USER, SECRET = "ada", "s3cret-of-ada"
BASIC = "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode()


@pytest.fixture
def guarded() -> Iterator[SampleRegistry]:
    with start_registry(token=True) as running:
        yield running


@pytest.fixture
def private() -> Iterator[SampleRegistry]:
    with start_registry(credentials=(USER, SECRET)) as running:
        yield running


def tokens(registry: SampleRegistry) -> list[Any]:
    return [request for request in registry.requests if request.path.startswith("/token")]


def test_one_token_for_many_requests(guarded: SampleRegistry) -> None:
    source = open_repository(guarded)
    for platform in ("linux/amd64", "linux/arm64"):
        find_images(source, resolve_name(source, "2.0", settings), (platform,), settings)
    source.tags()
    with source.open_blob(_layer(source)) as blob:
        assert b"".join(blob.chunks())
    assert len(tokens(guarded)) == 1
    assert sum(request.status == 401 for request in guarded.requests) == 1
    assert tokens(guarded)[0].query == {"service": ["registry.sample"], "scope": ["repository:demo/shop:pull"]}
    assert tokens(guarded)[0].header("Authorization") is None


def _layer(source: Any) -> Any:
    [image] = find_images(source, resolve_name(source, "2.0", settings), ("linux/amd64",), settings)
    return image.manifest.layers[0]


def test_a_token_is_for_one_scope(guarded: SampleRegistry) -> None:
    for repository in ("demo/shop", "demo/base", "demo/shop"):
        open_repository(guarded, repository).tags()
    list_repositories(default_session().endpoint(guarded.host))
    assert [request.query["scope"] for request in tokens(guarded)] == [
        ["repository:demo/shop:pull"],
        ["repository:demo/base:pull"],
        ["registry:catalog:*"],
    ]
    assert sum(request.status == 401 for request in guarded.requests) == 1, "what it wants was known after the first"


def test_what_is_kept_costs_no_token_either(guarded: SampleRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("ocinb.auth.tokens.time", SimpleNamespace(monotonic=lambda: now[0]))
    source = open_repository(guarded)
    ask: list[Callable[[], object]] = [source.tags, lambda: source.resolve("2.0"), lambda: source.head("1.0")]
    first = [question() for question in ask]
    before = len(guarded.requests)
    now[0] += 10_000
    assert [question() for question in ask] == first
    assert len(guarded.requests) == before


def test_tokens_for_different_scopes_are_asked_for_side_by_side(
    guarded: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_repository(guarded, "demo/hello").tags()
    both = threading.Barrier(2)
    ask = Http.ask

    def meet(self: Http, method: str, url: str, *rest: Any, **more: Any) -> Any:
        if "/token" in url:
            both.wait(SECONDS)
        return ask(self, method, url, *rest, **more)

    monkeypatch.setattr(Http, "ask", meet)
    sources = [open_repository(guarded, name) for name in ("demo/shop", "demo/base")]
    assert all(run_all(lambda source: source.tags(), sources, workers=2))


def test_threads_share_one_token(guarded: SampleRegistry) -> None:
    guarded.fault("/token", delay=0.1)
    source = open_repository(guarded)
    threads = [threading.Thread(target=source.resolve, args=(tag,)) for tag in ("1.0", "2.0", "latest")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens(guarded)) == 1


@pytest.mark.parametrize(
    ("said", "lives"),
    [
        ({"expires_in": 300}, 295),
        ({}, 55),
        ({"expires_in": 1}, 55),
        ({"expires_in": -5}, 55),
    ],
)
def test_a_token_lives_as_long_as_was_said(
    guarded: SampleRegistry, monkeypatch: pytest.MonkeyPatch, said: dict[str, int], lives: int
) -> None:
    now = [1000.0]
    monkeypatch.setattr("ocinb.auth.tokens.time", SimpleNamespace(monotonic=lambda: now[0]))
    settings.tag_ttl = 0
    good = json.loads(_token_answer(guarded))["token"]
    guarded.fault("/token", body=json.dumps({"token": good, **said}), times=None)
    source = open_repository(guarded)
    source.tags()
    now[0] += lives - 1
    source.tags()
    assert len(tokens(guarded)) == 2, "one of them was the test's own"
    now[0] += 2
    source.tags()
    assert len(tokens(guarded)) == 3


def _token_answer(registry: SampleRegistry) -> bytes:
    http = default_session()._http
    return http.ask("GET", f"http://{registry.host}/token?scope=repository:demo/shop:pull", {}, limit=10_000).body


def test_a_token_that_is_refused_is_renewed_once(guarded: SampleRegistry) -> None:
    settings.tag_ttl = 0
    source = open_repository(guarded)
    source.tags()
    guarded.revoke_tokens()
    source.tags()
    assert len(tokens(guarded)) == 2
    guarded.fault(
        "*/tags/list",
        status=401,
        headers={"WWW-Authenticate": f'Bearer realm="http://{guarded.host}/token"'},
        times=None,
    )
    with pytest.raises(AuthError, match="refused access"):
        source.tags()
    assert len(tokens(guarded)) == 4, "a token that was just made is made once more, and not again and again"


def test_credentials_are_for_the_token_and_the_token_for_the_registry(private: SampleRegistry) -> None:
    settings.credentials[private.host] = (USER, SECRET)
    source = open_repository(private)
    source.resolve("2.0")
    source.tags()
    assert [request.header("Authorization") for request in tokens(private)] == [BASIC]
    others = [request.header("Authorization") for request in private.requests if request not in tokens(private)]
    assert others[0] is None
    assert all(header is not None and header.startswith("Bearer ") for header in others[1:])


@pytest.mark.parametrize(("pair", "words"), [(None, "gives no token"), ((USER, "wrong-pw"), "refuses the credentials")])
def test_missing_and_wrong_credentials(private: SampleRegistry, pair: tuple[str, str] | None, words: str) -> None:
    if pair:
        settings.credentials[private.host] = pair
    with pytest.raises(AuthError, match=words) as caught:
        open_repository(private).tags()
    assert f'ocinb.settings.credentials["{private.host}"]' in str(caught.value)
    assert "wrong-pw" not in str(caught.value)
    settings.credentials[private.host] = (USER, SECRET)
    assert open_repository(private).tags()


def test_answers_of_one_user_are_not_for_another(private: SampleRegistry) -> None:
    settings.credentials[private.host] = (USER, SECRET)
    open_repository(private).tags()
    close_default_session()
    for pair in (None, (USER, "another"), ("eve", SECRET)):
        settings.credentials = {private.host: pair} if pair else {}  # type: ignore[assignment]
        with pytest.raises(AuthError):
            open_repository(private).tags()
    settings.credentials[private.host] = (USER, SECRET)
    assert open_repository(private).tags()
    assert sum("/tags/list" in request.path and request.status == 200 for request in private.requests) == 1


def test_a_user_who_changes_within_a_session_is_another_one(private: SampleRegistry) -> None:
    settings.credentials[private.host] = (USER, SECRET)
    source = open_repository(private)
    source.tags()
    settings.credentials[private.host] = ("eve", "x")
    with pytest.raises(AuthError):
        source.tags()


def test_a_registry_that_wants_a_password_gets_it(registry: SampleRegistry) -> None:
    registry.fault("*/tags/list", status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    settings.credentials[registry.host] = (USER, SECRET)
    source = open_repository(registry)
    source.tags()
    source.resolve("2.0")
    assert [request.header("Authorization") for request in registry.requests] == [None, BASIC, BASIC]


def test_a_wrong_password_is_sent_once_for_a_question(registry: SampleRegistry) -> None:
    registry.fault("*/tags/list", status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}, times=None)
    with pytest.raises(AuthError, match="wants a user and a password"):
        open_repository(registry).tags()
    settings.credentials[registry.host] = (USER, SECRET)
    for _ in range(2):
        with pytest.raises(AuthError, match="refused access") as caught:
            open_repository(registry).tags()
        assert SECRET not in str(caught.value)
    assert [request.header("Authorization") for request in registry.requests].count(BASIC) == 2


@pytest.mark.parametrize(
    "realm",
    [
        "http://registry.example/token",
        "http://203.0.113.7/token?secret=hidden",
        "ftp://127.0.0.1/token",
        "file:///etc/passwd",
        "http://ada:pw@127.0.0.1:1/token",
        "http://[::1/token",
        "http://127.0.0.1:99999/token",
        "https:///token",
    ],
)
def test_a_realm_that_is_refused(registry: SampleRegistry, realm: str) -> None:
    settings.credentials[registry.host] = (USER, SECRET)
    registry.fault("*/tags/list", status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'}, times=None)
    with pytest.raises(AuthError, match="wants tokens to be asked for at") as caught:
        open_repository(registry).tags()
    assert "hidden" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert len(registry.requests) == 1


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_realm_elsewhere_on_this_machine_sees_credentials_by_the_same_name_only(
    registry: SampleRegistry, private: SampleRegistry, name: str
) -> None:
    settings.credentials[registry.host] = (USER, SECRET)
    realm = f"http://{private.host.replace('127.0.0.1', name)}/token"
    registry.fault("*/tags/list", status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'}, times=None)
    is_the_same = name == "127.0.0.1"
    words = (
        "refused access" if is_the_same else f"It was asked without credentials; those of .* are not shown to {realm}"
    )
    with pytest.raises(AuthError, match=words):
        open_repository(registry).tags()
    assert {request.header("Authorization") for request in private.requests} == {BASIC if is_the_same else None}


def test_a_relative_realm_is_the_registrys_own(guarded: SampleRegistry) -> None:
    guarded.fault("*/tags/list", status=401, headers={"WWW-Authenticate": 'Bearer realm="/token",service="s"'})
    assert open_repository(guarded).tags()
    assert len(tokens(guarded)) == 1


@pytest.mark.parametrize(
    ("effect", "error", "words"),
    [
        ({"body": "<html>eyJ-html</html>"}, AuthError, "is not a JSON object"),
        ({"body": "{}"}, AuthError, "gave no token"),
        ({"body": '{"token": ""}'}, AuthError, "gave no token"),
        ({"body": '{"token": 5}'}, AuthError, "field of the wrong type"),
        ({"body": '{"token": "eyJ-html", "expires_in": "x"}'}, AuthError, "field of the wrong type"),
        ({"body": '{"token": "eyJ-html\\r\\nX: 1"}'}, AuthError, "gave no token"),
        ({"body": '["eyJ-html"]'}, AuthError, "is not a JSON object"),
        ({"body": '{"expires_in": "JSON"}'}, AuthError, "field of the wrong type"),
        ({"body": b"x" * 2_000_000}, InvalidError, "larger than the limit of 1,048,576 bytes"),
        ({"status": 500}, TransportError, "the token service of .* answered 500.* try again later"),
        ({"status": 503}, TransportError, "the token service of .* answered 503"),
        ({"status": 429, "headers": {"Retry-After": "17"}}, RateLimitError, "Come back in 17 s"),
        ({"status": 400}, AuthError, "answered 400"),
        ({"status": 403}, AuthError, "gives no token"),
        ({"drop": True}, OcinbError, "cannot be reached"),
    ],
)
def test_a_token_answer_that_is_none(
    guarded: SampleRegistry, effect: dict[str, Any], error: type[OcinbError], words: str
) -> None:
    settings.max_wait = 1
    guarded.fault("/token", times=None, **effect)
    with pytest.raises(error, match=words) as caught:
        open_repository(guarded).tags()
    assert error is OcinbError or type(caught.value) is error
    assert f"{guarded.host}/token" in str(caught.value)
    assert "eyJ-html" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    guarded._faults.clear()
    close_default_session()  # or it would heed for how long nobody may come back
    assert open_repository(guarded).tags()


def test_a_token_called_access_token_is_one(guarded: SampleRegistry) -> None:
    good = json.loads(_token_answer(guarded))["token"]
    guarded.fault("/token", body=json.dumps({"access_token": good}))
    assert open_repository(guarded).tags()


@pytest.mark.parametrize("header", ['Bearer service="s"', "Negotiate", "", "Digest realm=x"])
def test_a_challenge_that_nobody_can_answer(registry: SampleRegistry, header: str) -> None:
    registry.fault("*/tags/list", status=401, headers={"WWW-Authenticate": header}, times=None)
    with pytest.raises(AuthError, match="refused access"):
        open_repository(registry).tags()
    asked = [request.path for request in registry.requests]
    assert asked[1:] == ([] if header else ["/v2/"]), "who does not say what it wants is asked at the front door"


def test_the_better_of_two_challenges_is_taken(guarded: SampleRegistry) -> None:
    both = f'Basic realm="x", Bearer realm="http://{guarded.host}/token"'
    guarded.fault("*/tags/list", status=401, headers={"WWW-Authenticate": both})
    assert open_repository(guarded).tags()
