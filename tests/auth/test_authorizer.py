"""Tokens are asked for once, kept for their life and scope, and only where it is right to ask."""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import AuthError, InvalidError, NotFoundError, OcinbError, RateLimitError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.images import find_images, resolve_name
from ocinb.sources.session import close_default_session, default_session
from ocinb.sources.tag_lists import list_repositories
from tests import tokenserver
from tests.internet import PUBLIC, Internet
from tests.logins import Helper, auth, install_helper, write_login
from tests.sources.servers import open_host
from tests.tokenserver import TokenServer
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


def test_credentials_are_for_the_token_and_the_token_for_the_registry(private: SampleRegistry) -> None:
    settings.credentials[private.host] = (USER, SECRET)
    source = open_repository(private)
    source.resolve("2.0")
    source.tags()
    assert [request.header("Authorization") for request in tokens(private)] == [BASIC]
    others = [request.header("Authorization") for request in private.requests if request not in tokens(private)]
    assert others[0] is None
    assert all(header is not None and header.startswith("Bearer ") for header in others[1:])


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


USER, SECRET = "ada", "s3cret-of-ada"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TokenServer]:
    with tokenserver.serve(tmp_path, users={USER: SECRET, "bert": "s3cret-of-bert"}) as running:
        yield running


@pytest.fixture
def logged_in(service: TokenServer) -> Iterator[SampleRegistry]:
    """Give a registry whose tokens are given by a service at another address."""
    with start_registry(token=True) as running:
        service.guard(running)
        yield running


@pytest.fixture
def file() -> Path:
    return Path(os.environ["DOCKER_CONFIG"]) / "config.json"


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Helper:
    return install_helper(tmp_path / "bin", monkeypatch)


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def wants_password(registry: SampleRegistry, path: str = "*/tags/list", times: int | None = 1) -> None:
    registry.fault(path, status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}, times=times)


def sent(registry: SampleRegistry) -> list[str | None]:
    return [request.header("Authorization") for request in registry.requests]


def test_a_password_for_one_repository_is_not_shown_to_another(registry: SampleRegistry, file: Path) -> None:
    write_login(file, {f"{registry.host}/demo/shop": auth(USER, SECRET)})
    wants_password(registry)
    assert open_repository(registry, "demo/shop").tags()
    assert open_repository(registry, "demo/base").tags()
    assert sent(registry) == [None, basic(USER, SECRET), None]


def test_who_gives_tokens_to_anybody_is_asked_as_anybody_and_that_is_told_once(
    logged_in: SampleRegistry, service: TokenServer, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service.users.clear()
    write_login(file, credsStore="nowhere").chmod(0o600)
    for repository in ("demo/shop", "demo/base"):
        assert open_repository(logged_in, repository).tags()
    [told] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "docker-credential-nowhere is not installed" in told
    assert str(file) in told


def test_a_corrupt_file_is_an_error_if_the_registry_asks_and_another_one_may_help(
    registry: SampleRegistry, private: SampleRegistry, file: Path
) -> None:
    write_login(file).write_text(f'{{"auths": {{"{private.host}": "{SECRET}')
    assert open_repository(registry).tags()
    with pytest.raises(AuthError, match=f"{file} is not valid JSON") as caught:
        open_repository(private).tags()
    assert SECRET not in str(caught.value)
    write_login(file.parent / "containers" / "auth.json", {private.host: auth(USER, SECRET)})
    assert open_repository(private).tags()


@pytest.mark.parametrize("where", ["settings", "file"])
@pytest.mark.parametrize("challenge", ["Bearer", "Bearer realm=/token", "Basic realm=x", None])
def test_a_token_for_the_registry_itself_is_sent_as_it_is(
    registry: SampleRegistry, file: Path, where: str, challenge: str | None
) -> None:
    registry.fault("*/tags/list", status=401, headers={"WWW-Authenticate": challenge} if challenge else {})
    if where == "settings":
        settings.credentials[registry.host] = ("<bearer>", "the-token")
    else:
        write_login(file, {registry.host: {"registrytoken": "the-token"}})
    assert open_repository(registry).tags()
    assert [one for one in sent(registry) if one] == ["Bearer the-token"]
    assert not [request for request in registry.requests if request.path.startswith("/token")]


def test_a_helper_whose_password_is_refused_is_asked_once_more(
    registry: SampleRegistry, file: Path, helper: Helper
) -> None:
    settings.tag_ttl = 0
    write_login(file, credsStore="fake")
    source = open_repository(registry)
    for user in ("ada", "bert"):
        helper.knows(**{registry.host: (user, SECRET)})
        wants_password(registry)
        assert source.tags()
    assert sent(registry) == [None, basic("ada", SECRET), basic("ada", SECRET), basic("bert", SECRET)]
    wants_password(registry, times=None)
    with pytest.raises(AuthError, match="refused access"):
        source.tags()
    assert sent(registry)[4:] == [basic("bert", SECRET)], "it said the same again"
    assert len(helper.calls) == 3


def test_a_helper_whose_login_gives_no_token_any_more_is_asked_once_more(
    logged_in: SampleRegistry, service: TokenServer, file: Path, helper: Helper
) -> None:
    settings.tag_ttl = 0
    write_login(file, credsStore="fake")
    helper.knows(**{logged_in.host: (USER, SECRET)})
    source = open_repository(logged_in)
    assert source.tags()
    del service.users[USER]
    logged_in.revoke_tokens()
    helper.knows(**{logged_in.host: ("bert", "s3cret-of-bert")})
    assert source.tags()
    assert [(asked.status, asked.user) for asked in service.requests] == [(200, USER), (401, None), (200, "bert")]
    assert len(helper.calls) == 2


def users(service: TokenServer) -> list[str | None]:
    return [asked.user for asked in service.requests]


def test_what_one_was_given_is_not_for_another_and_neither_for_nobody(
    logged_in: SampleRegistry, service: TokenServer, file: Path
) -> None:
    asked = []
    for who in (USER, "bert", None, USER, None, "bert"):
        write_login(file, {logged_in.host: auth(who, f"s3cret-of-{who}")} if who else {})
        service.users = {} if who is None else {USER: SECRET, "bert": "s3cret-of-bert"}
        before = len(logged_in.requests)
        assert open_repository(logged_in).tags()
        close_default_session()
        asked.append(len(logged_in.requests) > before)
    assert asked == [True, True, True, False, False, False], "each has what was given to him"
    assert users(service) == [USER, "bert", None]


def test_a_registry_that_asks_no_more_is_believed_as_one_that_never_did(
    registry: SampleRegistry, file: Path, helper: Helper
) -> None:
    write_login(file, credsStore="fake")
    helper.knows(**{registry.host: (USER, SECRET)})
    wants_password(registry)
    assert open_repository(registry).tags()
    close_default_session()
    assert open_repository(registry).resolve("2.0").digest
    close_default_session()
    before = len(registry.requests)
    assert open_repository(registry).resolve("2.0").digest
    assert sent(registry) == [None, basic(USER, SECRET), None]
    assert len(registry.requests) == before


USER, SECRET = "ada", "s3cret-of-ada"


SCOPE = "repository:demo/shop:pull"


@pytest.fixture
def token_server(tmp_path: Path) -> Iterator[TokenServer]:
    with tokenserver.serve(tmp_path) as running:
        yield running


@pytest.fixture
def refusing(token_server: TokenServer) -> Iterator[SampleRegistry]:
    with start_registry(token=True) as running:
        token_server.guard(running)
        yield running


def bearer(token_server: TokenServer, **parameters: str) -> dict[str, str]:
    shown = ",".join(f'{name}="{value}"' for name, value in {"realm": token_server.realm, **parameters}.items())
    return {"WWW-Authenticate": f"Bearer {shown}"}


def statuses(registry: SampleRegistry) -> list[int | None]:
    return [request.status for request in registry.requests]


def test_a_token_is_asked_for_with_what_the_registry_named(refusing: SampleRegistry, token_server: TokenServer) -> None:
    settings.tag_ttl = 0
    more = "repository:demo/shop:pull,metadata_read"
    first = refusing.fault(
        "*/tags/list", status=401, headers=bearer(token_server, scope=f"repository:proxy/shop:pull {SCOPE}")
    )
    second = refusing.fault(
        "*/tags/list",
        status=401,
        headers=bearer(token_server, scope=f"{more},push *", error="insufficient_scope"),
    )
    source = open_repository(refusing)
    assert source.tags()
    assert (first.hits, second.hits) == (1, 1)
    first_scopes = [SCOPE, "repository:proxy/shop:pull"]
    assert [asked.scopes for asked in token_server.requests] == [
        first_scopes,
        [*first_scopes, f"{more},push", "*"],
    ]
    assert source.tags()
    assert open_repository(refusing, "demo/base").tags()
    assert [asked.scopes for asked in token_server.requests[2:]] == [["repository:demo/base:pull"]], (
        "that was for one only"
    )


def test_a_token_that_has_expired_on_the_way_is_renewed(refusing: SampleRegistry, token_server: TokenServer) -> None:
    token_server.life, token_server.said_life = -120, 3600
    with pytest.raises(AuthError, match="refused access"):
        open_repository(refusing).tags()
    token_server.life = 300
    source = open_repository(refusing)
    [image] = find_images(source, resolve_name(source, "2.0", settings), ("linux/amd64",), settings)
    for layer in image.manifest.layers:
        refusing.revoke_tokens()
        with source.open_blob(layer) as blob:
            assert b"".join(blob.chunks())
    assert len(token_server.requests) == 2 + 1 + len(image.manifest.layers)


def test_the_401_is_met_once_for_many_repositories(refusing: SampleRegistry, token_server: TokenServer) -> None:
    for repository in ("demo/shop", "demo/base", "demo/hello"):
        open_repository(refusing, repository).tags()
    with pytest.raises(NotFoundError):
        open_repository(refusing, "demo/none").tags()
    assert statuses(refusing).count(401) == 1
    assert len(token_server.requests) == 4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "wants a user and a password"),
        ((USER, SECRET), "asked with the credentials of ocinb.settings.credentials"),
        (("<token>", SECRET), "asked with the credentials of ocinb.settings.credentials"),
    ],
)
def test_an_error_says_whose_credentials_were_refused_and_not_which(
    registry: SampleRegistry, given: Any, words: str
) -> None:
    if given:
        settings.credentials[registry.host] = given
    registry.fault("*/tags/list", status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}, times=None)
    with pytest.raises(AuthError, match=words) as caught:
        open_repository(registry).tags()
    assert not [text for text in (SECRET, USER) if text in f"{caught.value}{vars(caught.value)}"]


def test_what_a_redirect_led_to_has_no_say(registry: SampleRegistry, token_server: TokenServer) -> None:
    settings.credentials[registry.host] = (USER, SECRET)
    with start_registry(token=True) as stranger:
        token_server.guard(stranger)
        for location in (
            f"http://{stranger.host}/v2/demo/shop/tags/list",
            f"http://{stranger.host}/v2/demo/base/tags/list",
        ):
            registry.fault("*/tags/list", status=307, headers={"Location": location})
            with pytest.raises(AuthError, match=r"refused access \(401\)"):
                open_repository(registry).tags()
        assert {request.header("Authorization") for request in (*registry.requests, *stranger.requests)} == {None}
    assert token_server.requests == []


@pytest.mark.parametrize(
    ("place", "realm", "is_asked"),
    [
        ("10.0.0.5", "10.0.0.6", True),
        ("10.0.0.5", "192.168.0.9", True),
        ("10.0.0.5", "127.0.0.1", False),
        ("10.0.0.5", "169.254.169.254", False),
        (PUBLIC, "10.0.0.5", False),
    ],
)
def test_a_realm_is_judged_by_where_the_registry_is_and_not_by_its_name(
    registry: SampleRegistry, internet: Internet, place: str, realm: str, *, is_asked: bool
) -> None:
    with start_registry(token=True) as token_server:
        port = token_server.host.rpartition(":")[2]
        name = internet.serve("registry.corp", registry.host, place)
        internet.servers[realm] = int(port)
        settings.insecure_registries = (name, f"{realm}:{port}")
        challenge = {"WWW-Authenticate": f'Bearer realm="http://{realm}:{port}/token",token_server="x"'}
        registry.fault("*/tags/list", status=401, headers=challenge, times=None)
        words = "refused access" if is_asked else "wants tokens to be asked for at .* leads from outside"
        with pytest.raises(AuthError, match=words):
            open_host(name).tags()
        assert bool(token_server.requests) is is_asked
