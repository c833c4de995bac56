"""Logins of docker and podman open registries: looked up when one asks, heard when they change, mixed with nobody's."""

from __future__ import annotations

import base64
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.auth.auth_files import AuthFiles
from ocinb.auth.credential_helpers import Helpers
from ocinb.errors import AuthError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import close_default_session
from ocinb.storage.responses import is_asking
from tests import tokenserver
from tests.logins import Helper, auth, install_helper, write_login
from tests.tokenserver import TokenServer
from tests.transferring import open_repository

USER, SECRET = "ada", "s3cret-of-ada"


@pytest.fixture
def private() -> Iterator[SampleRegistry]:
    with start_registry(credentials=(USER, SECRET)) as running:
        yield running


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TokenServer]:
    with tokenserver.serve(tmp_path, users={USER: SECRET, "bert": "s3cret-of-bert"}) as running:
        yield running


@pytest.fixture
def guarded(service: TokenServer) -> Iterator[SampleRegistry]:
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


def test_a_registry_that_asks_for_nothing_costs_no_look_into_files(
    registry: SampleRegistry, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: Any) -> Any:
        raise AssertionError("nobody asked for credentials")

    write_login(file, credsStore="nowhere")
    monkeypatch.setattr(AuthFiles, "__iter__", look)
    monkeypatch.setattr(Helpers, "ask", look)
    source = open_repository(registry)
    for _ in range(2):
        assert source.tags()
        assert source.resolve("2.0").digest
        close_default_session()
    assert set(sent(registry)) == {None}


def test_docker_is_imported_for_a_helper_only(tmp_path: Path) -> None:
    code = """
import os, sys
from ocinb import samples, tags
import ocinb
with samples.registry(credentials=("ada", "s3cret")) as one, samples.registry() as other:
    tags(other.reference("demo/shop"))
    ocinb.settings.credentials[one.host] = ("ada", "s3cret")
    print(len(tags(one.reference("demo/shop"))), "docker" in sys.modules)
"""
    environment = {**os.environ, "OCINB_STORE_DIR": str(tmp_path / "s"), "OCINB_CACHE_DIR": str(tmp_path / "c")}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.split()[1:] == ["False"], run.stderr


@pytest.mark.parametrize("kept", ["auths", "helper"])
def test_a_login_of_docker_opens_it(private: SampleRegistry, file: Path, helper: Helper, kept: str) -> None:
    helper.knows(**{private.host: (USER, SECRET)})
    if kept == "auths":
        write_login(file, {f"https://{private.host}/v1/": auth(USER, SECRET)})
    else:
        write_login(file, {private.host: {}}, credsStore="fake")
    for repository in ("demo/shop", "demo/base"):
        assert open_repository(private, repository).tags()
    assert len(helper.calls) == (kept == "helper"), "the helper is asked once for all repositories"


def test_a_login_in_another_terminal_is_heard(private: SampleRegistry, file: Path, helper: Helper) -> None:
    source = open_repository(private)
    with pytest.raises(AuthError, match="gives no token"):
        source.tags()
    write_login(file, {private.host: auth(USER, "wrong")})
    with pytest.raises(AuthError, match="refuses the credentials"):
        source.tags()
    write_login(file, credsStore="fake")
    with pytest.raises(AuthError, match="gives no token"):
        source.tags()
    helper.knows(**{private.host: (USER, SECRET)})
    write_login(file, {private.host: {}}, credsStore="fake")
    assert source.tags()
    write_login(file)  # and a logout
    with pytest.raises(AuthError, match="gives no token"):
        source.tags()


def test_a_login_for_one_repository_is_not_for_another(private: SampleRegistry, file: Path) -> None:
    write_login(file, {f"{private.host}/demo/shop": auth(USER, SECRET)})
    assert open_repository(private, "demo/shop").tags()
    with pytest.raises(AuthError, match="gives no token"):
        open_repository(private, "demo/base").tags()
    headers = {request.query["scope"][0]: request.header("Authorization")
               for request in private.requests if request.path.startswith("/token")}  # fmt: skip
    assert headers == {"repository:demo/shop:pull": basic(USER, SECRET), "repository:demo/base:pull": None}


def test_a_password_for_one_repository_is_not_shown_to_another(registry: SampleRegistry, file: Path) -> None:
    write_login(file, {f"{registry.host}/demo/shop": auth(USER, SECRET)})
    wants_password(registry)
    assert open_repository(registry, "demo/shop").tags()
    assert open_repository(registry, "demo/base").tags()
    assert sent(registry) == [None, basic(USER, SECRET), None]


def test_a_helper_that_is_not_there_is_an_error_if_the_registry_asks(
    registry: SampleRegistry, private: SampleRegistry, file: Path
) -> None:
    write_login(file, credsStore="nowhere")
    assert open_repository(registry).tags(), "this one does not ask"
    words = f"docker-credential-nowhere is not installed, or not on PATH .{file} names it"
    with pytest.raises(AuthError, match=words):
        open_repository(private).tags()
    wants_password(registry, times=None)
    settings.tag_ttl = 0
    with pytest.raises(AuthError, match=words):
        open_repository(registry).tags()


def test_who_gives_tokens_to_anybody_is_asked_as_anybody_and_that_is_told_once(
    guarded: SampleRegistry, service: TokenServer, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service.users.clear()
    write_login(file, credsStore="nowhere").chmod(0o600)
    for repository in ("demo/shop", "demo/base"):
        assert open_repository(guarded, repository).tags()
    [told] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "docker-credential-nowhere is not installed" in told
    assert str(file) in told


@pytest.mark.parametrize(
    "what",
    [
        {"stdout": SECRET, "stderr": SECRET, "code": 1},
        {"stdout": f"{{{SECRET}", "code": 0},
        {"user": 5, "secret": SECRET},
    ],
)
def test_what_a_failing_helper_says_is_in_no_error_and_no_log(
    private: SampleRegistry,
    file: Path,
    helper: Helper,
    what: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    helper.does(**what)
    write_login(file, credsStore="fake")
    with pytest.raises(AuthError, match="docker-credential-fake") as caught:
        open_repository(private).tags()
    assert str(file) in str(caught.value)
    assert SECRET not in f"{caught.value}{vars(caught.value)}{caplog.text}{capfd.readouterr()}"


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


def test_an_identity_token_is_posted(guarded: SampleRegistry, service: TokenServer, file: Path) -> None:
    service.refresh_tokens["refresh-of-ada"] = USER
    write_login(file, {guarded.host: {**auth(USER, ""), "identitytoken": "refresh-of-ada"}})
    assert open_repository(guarded).tags()
    assert [(asked.method, asked.user) for asked in service.requests] == [("POST", USER)]
    assert "refresh-of-ada" not in "".join(f"{request.path}{request.headers}" for request in guarded.requests)


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


def test_a_token_for_the_registry_itself_that_is_refused_is_not_sent_again(registry: SampleRegistry) -> None:
    registry.fault("*/tags/list", status=401, headers={"WWW-Authenticate": "Bearer realm=/token"}, times=None)
    settings.credentials[registry.host] = ("<bearer>", "the-token")
    with pytest.raises(
        AuthError, match=rf'asked with the credentials of ocinb.settings.credentials\["{registry.host}"'
    ) as caught:
        open_repository(registry).tags()
    assert sent(registry) == [None, "Bearer the-token"]
    assert "the-token" not in str(caught.value)


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
    guarded: SampleRegistry, service: TokenServer, file: Path, helper: Helper
) -> None:
    settings.tag_ttl = 0
    write_login(file, credsStore="fake")
    helper.knows(**{guarded.host: (USER, SECRET)})
    source = open_repository(guarded)
    assert source.tags()
    del service.users[USER]
    guarded.revoke_tokens()
    helper.knows(**{guarded.host: ("bert", "s3cret-of-bert")})
    assert source.tags()
    assert [(asked.status, asked.user) for asked in service.requests] == [(200, USER), (401, None), (200, "bert")]
    assert len(helper.calls) == 2


def users(service: TokenServer) -> list[str | None]:
    return [asked.user for asked in service.requests]


def test_what_one_was_given_is_not_for_another_and_neither_for_nobody(
    guarded: SampleRegistry, service: TokenServer, file: Path
) -> None:
    asked = []
    for who in (USER, "bert", None, USER, None, "bert"):
        write_login(file, {guarded.host: auth(who, f"s3cret-of-{who}")} if who else {})
        service.users = {} if who is None else {USER: SECRET, "bert": "s3cret-of-bert"}
        before = len(guarded.requests)
        assert open_repository(guarded).tags()
        close_default_session()
        asked.append(len(guarded.requests) > before)
    assert asked == [True, True, True, False, False, False], "each has what was given to him"
    assert users(service) == [USER, "bert", None]


def test_a_later_process_knows_who_asks_without_asking(guarded: SampleRegistry, file: Path, helper: Helper) -> None:
    write_login(file, credsStore="fake")
    helper.knows(**{guarded.host: (USER, SECRET)})
    assert open_repository(guarded).tags()
    assert is_asking(settings.cache_dir, guarded.host)
    close_default_session()
    before = len(guarded.requests)
    assert open_repository(guarded).tags()
    assert len(guarded.requests) == before


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


def test_what_is_kept_of_one_who_may_read_is_not_given_to_one_who_may_not_after_the_memory_is_gone(
    guarded: SampleRegistry, service: TokenServer, file: Path
) -> None:
    write_login(file, {guarded.host: auth(USER, SECRET)})
    assert open_repository(guarded).tags()
    close_default_session()
    for mark in (settings.cache_dir / "asking").iterdir():
        mark.unlink()
    write_login(file)
    with pytest.raises(AuthError, match="gives no token"):
        open_repository(guarded).tags()
    assert users(service) == [USER, None]
