"""No secret and no token is left anywhere: in no file, no log, no error, no repr."""

from __future__ import annotations

import base64
import json
import logging
import sqlite3
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import OcinbError
from ocinb.network.exchange import Exchange, observed_by
from ocinb.progress.protocol import NoProgress
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.images import find_images, resolve_name
from ocinb.sources.session import close_default_session, default_session
from ocinb.transfer import Job, Transfer
from tests import tokenserver
from tests.logins import auth, install_helper, write_login
from tests.transferring import describe, open_repository

USER, SECRET = "ada", "s3cret-of-ada"
SIGNATURE = "signature-that-opens"


@pytest.fixture
def private() -> Iterator[SampleRegistry]:
    with start_registry(credentials=(USER, SECRET)) as running:
        settings.credentials[running.host] = (USER, SECRET)
        yield running


def pull(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    images = find_images(source, resolve_name(source, "2.0", settings), "all", settings)
    jobs = [Job(layer, source) for image in images for layer in image.manifest.layers]
    store = default_session().store
    Transfer(store, settings, NoProgress(), verify="size").run(jobs, errors="raise")
    store.name({registry.reference("demo/shop:2.0"): images[0].descriptor})
    source.tags()
    source.head("1.0")


def secrets_of(registry: SampleRegistry) -> list[str]:
    headers = {request.header("Authorization") or "" for request in registry.requests}
    spoken = [header.partition(" ")[2] for header in headers if header]
    assert len(spoken) >= 2, "neither a password nor a token was sent"
    return [SECRET, *spoken, *(text.split(".")[-1] for text in spoken)]


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def opened(folder: Path) -> bytes:
    """Give all that is kept by name, with its bodies decoded."""
    with closing(sqlite3.connect(folder / "responses.sqlite")) as connection:
        rows = [json.loads(value) for (value,) in connection.execute("SELECT value FROM responses")]
    assert rows
    return b"".join(json.dumps(row).encode() + base64.b64decode(row["_content"] or "") for row in rows)


def test_after_a_pull_no_file_and_no_log_has_a_secret(
    private: SampleRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[Exchange] = []
    with observed_by(told.append):
        pull(private)
    files = all_bytes(settings.store_dir) + all_bytes(settings.cache_dir)
    close_default_session()
    files += all_bytes(settings.cache_dir) + opened(settings.cache_dir)
    ours = [f"{record.getMessage()}{record.args}" for record in caplog.records if record.name.startswith("ocinb")]
    shown = f"{ours}{told}{settings!r}{settings.credentials!r}{default_session()!r}{private.requests!r}"
    assert len(files) > 1_000_000
    for secret in secrets_of(private):
        assert secret.encode() not in files
        assert secret not in shown
    assert SECRET not in caplog.text


@pytest.mark.parametrize("effect", [{"status": 401}, {"status": 403}, {"status": 500}, {"drop": True}, {"body": b"x"}])
@pytest.mark.parametrize("path", ["/token", "*/manifests/*", "*/tags/list"])
def test_no_error_has_a_secret(private: SampleRegistry, path: str, effect: dict[str, Any]) -> None:
    private.fault(path, times=None, **effect)
    source = open_repository(private)
    errors = []
    for ask in (lambda: source.resolve("2.0"), source.tags):
        try:
            ask()
        except OcinbError as error:
            errors.append(f"{error}{error!r}{error.args}{error.__dict__}")
    assert errors
    spoken = [request.header("Authorization") or "" for request in private.requests]
    for secret in (SECRET, *(header.partition(" ")[2] for header in spoken if header)):
        assert secret not in "".join(errors)


def test_a_signed_address_is_in_no_error_and_no_file(registry: SampleRegistry) -> None:
    blob = describe(b"x" * 100)
    registry.put_blob(b"x" * 100)
    signed = f"http://{registry.host}/v2/demo/shop/blobs/{blob.digest}?X-Signature={SIGNATURE}"
    registry.fault(f"*/blobs/{blob.digest}", status=307, headers={"Location": signed})
    registry.fault("*X-Signature*", status=206, headers={"Content-Range": "bytes 7-9/100"}, times=None)
    told: list[Exchange] = []
    source = open_repository(registry)
    with observed_by(told.append), pytest.raises(OcinbError) as caught, source.open_blob(blob, offset=5):
        pytest.fail("a part came that nobody asked for")
    assert "X-Signature=***" in str(caught.value)
    assert SIGNATURE not in f"{caught.value!s}{caught.value.__dict__}{told}"


LOGINS = ["settings", "settings, identity", "settings, bearer", "file", "file, identity", "helper", "helper, identity"]


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("ends_well", [True, False])
def test_no_secret_of_any_login_is_left_anywhere_or_goes_astray(
    login: str,
    ends_well: bool,  # noqa: FBT001 - a row
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    place, _, kind = login.partition(", ")
    user, secret = ("<token>", "refresh-of-ada") if kind == "identity" else (USER, SECRET)
    told: list[Exchange] = []
    with (
        tokenserver.serve(tmp_path, users={USER: SECRET} if ends_well else {USER: "other"}) as service,
        start_registry(token=True) as registry,
        start_registry(token=True) as stranger,
        observed_by(told.append),
    ):
        service.guard(registry)
        assert stranger._tokens is not None
        stranger._tokens.realm = service.realm
        if ends_well:
            service.refresh_tokens["refresh-of-ada"] = USER
        if kind == "bearer":
            _, answer, _ = service.answer(tokenserver.Asked("POST", "", {}, PASSWORD_FORM, 0, None))
            user, secret = "<bearer>", answer.get("access_token", "eyJ-of-nobody")
        log_in(place, registry.host, (user, secret), tmp_path, monkeypatch)
        errors = [ask_all(open_repository(one)) for one in (registry, stranger)]
        spoken = [one.header("Authorization") for one in (*registry.requests, *stranger.requests)]
        spoken += [one.header("Authorization") for one in service.requests]
    shown = f"{errors}{told}{settings!r}{vars(default_session())}{registry.requests!r}{capfd.readouterr()}"
    close_default_session()
    ours = "".join(f"{record.getMessage()}{record.args}" for record in caplog.records if record.name == "ocinb")
    secrets = [secret, *(one.partition(" ")[2] for one in spoken if one)]
    kept = all_bytes(settings.cache_dir) + (all_bytes(settings.store_dir) if settings.store_dir.exists() else b"")
    assert not [one for one in secrets if one in shown + ours or one.encode() in kept]
    assert (errors[0] == []) is ends_well
    assert errors[1], "a stranger was opened"
    at_stranger = "".join(f"{one.path}{one.headers}" for one in stranger.requests)
    at_registry = "".join(f"{one.path}{one.headers}" for one in registry.requests)
    assert secret not in at_stranger
    assert (secret in at_registry) is (kind == "bearer")


PASSWORD_FORM = {"grant_type": ["password"], "username": [USER], "password": [SECRET],
                 "scope": ["repository:demo/shop:pull"]}  # fmt: skip


def log_in(place: str, host: str, pair: tuple[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if place == "settings":
        settings.credentials[host] = pair
        return
    file = folder / "docker" / "config.json"
    monkeypatch.setenv("DOCKER_CONFIG", str(file.parent))
    if place == "helper":
        install_helper(folder / "bin", monkeypatch).knows(**{host: pair})
        write_login(file, credsStore="fake")
    else:
        write_login(file, {host: {"identitytoken": pair[1]} if pair[0] == "<token>" else auth(*pair)})


def ask_all(source: Any) -> list[str]:
    errors = []
    for ask in (lambda: source.resolve("2.0"), source.tags, lambda: source.head("1.0")):
        try:
            ask()
        except OcinbError as error:
            errors.append(f"{error}{error!r}{error.args}{error.__dict__}")
    return errors


@pytest.mark.parametrize("user", [USER, "<token>", "<bearer>"])
@pytest.mark.parametrize("path", ["/token*", "*/manifests/*", "*/tags/list*"])
@pytest.mark.parametrize("effect", [{"drop": True}, {"status": 500}, {"status": 401}, {"body": b"[]"}], ids=str)
def test_no_secret_is_shown_with_the_variables_of_what_failed(
    private: SampleRegistry, user: str, path: str, effect: dict[str, Any]
) -> None:
    settings.retries = 0
    settings.credentials[private.host] = (user, SECRET)
    private.fault(path, times=None, **effect)
    source = open_repository(private)
    shown = ""
    for ask in (source.tags, lambda: source.resolve("1.0"), lambda: source.head("1.0")):
        try:
            ask()
        except OcinbError as error:
            lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
            # What the test itself knows begins with its own name.
            shown += "".join(line for line in lines if "test_secrets.py" not in line)
    basic = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
    sent = [(request.header("Authorization") or " ").partition(" ")[2] for request in private.requests]
    assert shown
    assert not [secret for secret in {SECRET, basic, *filter(None, sent)} if secret in shown]
