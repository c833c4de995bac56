"""Who we are is looked up in one order, by the key that fits best, and not before it is asked for."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from ocinb._settings import Settings
from ocinb.auth.credentials import CredentialLookup, Found, Kind
from tests.logins import Helper, auth, install_helper, write_login

SECRET = "s3cret-of-ada"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home in which the usual places are, but for the variables that name others."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Helper:
    return install_helper(tmp_path / "bin", monkeypatch)


def find(registry: str, repository: str | None = None, **settings: object) -> Found:
    return CredentialLookup(Settings(**settings), registry).find(repository)  # type: ignore[arg-type]


def user(registry: str, repository: str | None = None, **settings: object) -> str | None:
    credential = find(registry, repository, **settings).credential
    return credential.user if credential else None


@pytest.mark.parametrize(
    ("repository", "who"),
    [
        ("org/app", "app"),
        ("org/app/sub", "app"),
        ("org/apple", "org"),
        ("org", "org"),
        ("organ/app", "host"),
        (None, "host"),
    ],
)
def test_the_longest_key_wins(home: Path, repository: str | None, who: str) -> None:
    keys = {"ghcr.io": "host", "ghcr.io/org": "org", "ghcr.io/org/app": "app", "GHCR.IO/other": "other"}
    assert user("ghcr.io", repository, credentials={key: (name, SECRET) for key, name in keys.items()}) == who
    write_login(home / ".docker" / "config.json", {key: auth(name, SECRET) for key, name in keys.items()})
    assert user("ghcr.io", repository) == who


def test_the_helper_of_a_host_comes_before_that_of_all_and_that_before_what_is_written(
    home: Path, helper: Helper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = install_helper(tmp_path / "bin", monkeypatch, "other")
    helper.knows(**{"ghcr.io": ("by its own", SECRET)})
    other.knows(**{"ghcr.io": ("by that of all", SECRET), "quay.io": ("quay", SECRET)})
    auths = {"ghcr.io": auth("written", SECRET), "ghcr.io/org": auth("org", SECRET)}
    file = write_login(home / ".docker" / "config.json", auths, credHelpers={"ghcr.io": "fake"}, credsStore="other")
    assert (user("ghcr.io"), user("quay.io"), user("ghcr.io", "org/app")) == ("by its own", "quay", "org")
    assert other.calls == [["get", "quay.io"]]
    assert find("ghcr.io").words == f"It was asked with the credentials of docker-credential-fake, which {file} names"
    write_login(file, auths, credsStore="other")
    assert user("ghcr.io") == "by that of all"
    other.knows()
    assert user("ghcr.io") == "written", "who knows nobody leaves the word to the next"


def test_only_the_entry_that_was_looked_for_is_told_of(home: Path) -> None:
    file = write_login(home / ".docker" / "config.json", {"bad.example": {"auth": "!"}, "bad.example/org": 5})
    assert find("good.example").faults == ()
    assert find("bad.example", "other").faults == (f"{file} has an entry for bad.example that cannot be read",)
    assert len(find("bad.example", "org/app").faults) == 2


@pytest.mark.parametrize(
    ("entry", "kind", "basic"),
    [
        (auth("ada", SECRET), Kind.PASSWORD, f"ada:{SECRET}"),
        ({**auth("ada", SECRET), "identitytoken": "rt"}, Kind.IDENTITY, f"ada:{SECRET}"),
        ({**auth("00000000", ""), "identitytoken": "rt"}, Kind.IDENTITY, "00000000:rt"),
        ({"identitytoken": "rt"}, Kind.IDENTITY, ":rt"),
        ({"registrytoken": "eyJ"}, Kind.BEARER, ":eyJ"),
        ({"username": "ädä", "password": "pä:ß“"}, Kind.PASSWORD, "ädä:pä:ß“"),
    ],
)
def test_kinds(home: Path, entry: dict[str, str], kind: Kind, basic: str) -> None:
    write_login(home / ".docker" / "config.json", {"ghcr.io": entry})
    credential = find("ghcr.io").credential
    assert credential is not None
    assert credential.kind is kind
    assert base64.b64decode(credential.basic.removeprefix("Basic ")).decode() == basic
    shown = f"{credential}{credential!r}{find('ghcr.io')!r}{find('ghcr.io').words}{credential.fingerprint}"
    assert not [secret for secret in (SECRET, "rt'", "eyJ", "pä:ß“") if secret in shown]
