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


def test_the_places_in_their_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {
        "named": home / "named.json",
        "dockers own": home / "docker" / "config.json",
        "runtime": home / "run" / "containers" / "auth.json",
        "config": home / ".config" / "containers" / "auth.json",
        "docker": home / ".docker" / "config.json",
    }
    for name, path in places.items():
        write_login(path, {"ghcr.io": auth(name, SECRET)})
    (home / ".dockercfg").write_text(f'{{"ghcr.io": {{"auth": "{auth("legacy", SECRET)["auth"]}"}}}}')
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(places["named"]))
    monkeypatch.setenv("DOCKER_CONFIG", str(home / "docker"))
    given = {"ghcr.io": ("given", SECRET)}
    assert user("ghcr.io", credentials=given) == "given"
    order = []
    for name in ("named", "dockers own", "runtime", "config"):
        order.append(user("ghcr.io"))
        places[name].unlink()
        if name == "named":
            monkeypatch.delenv("REGISTRY_AUTH_FILE")
    assert order == ["named", "dockers own", "runtime", "config"]
    assert user("ghcr.io") == "legacy", "where DOCKER_CONFIG is set, ~/.docker is not looked into"
    monkeypatch.delenv("DOCKER_CONFIG")
    assert user("ghcr.io") == "docker"


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


def test_what_was_given_comes_before_all_files_however_short_its_key(home: Path) -> None:
    write_login(home / ".docker" / "config.json", {"ghcr.io/org/app": auth("file", SECRET)})
    assert user("ghcr.io", "org/app", credentials={"ghcr.io": ("given", SECRET)}) == "given"
    assert user("ghcr.io", "org/app", credentials={"ghcr.io/other": ("given", SECRET)}) == "file"


def test_an_earlier_file_comes_before_a_longer_key_in_a_later_one(home: Path) -> None:
    write_login(home / ".config" / "containers" / "auth.json", {"ghcr.io": auth("earlier", SECRET)})
    write_login(home / ".docker" / "config.json", {"ghcr.io/org": auth("later", SECRET)})
    assert user("ghcr.io", "org/app") == "earlier"


@pytest.mark.parametrize("key", ["docker.io", "https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io"])
def test_all_names_of_hub_are_one(home: Path, key: str) -> None:
    write_login(home / ".docker" / "config.json", {key: auth("ada", SECRET)})
    assert user("docker.io", "library/python") == "ada"
    assert user("quay.io", "library/python") is None


def test_no_file_no_credentials(home: Path) -> None:
    assert not list(home.rglob("*.json"))
    assert find("ghcr.io") == Found()
    assert find("ghcr.io").words == "It was asked without credentials"


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


def test_a_helper_is_asked_for_hub_by_the_name_that_docker_uses_and_then_by_that_of_podman(
    home: Path, helper: Helper
) -> None:
    write_login(home / ".docker" / "config.json", credsStore="fake")
    helper.knows(**{"https://index.docker.io/v1/": ("docker", SECRET), "docker.io": ("podman", SECRET)})
    assert user("docker.io", "library/python") == "docker"
    helper.knows(**{"docker.io": ("podman", SECRET)})
    assert user("docker.io", "library/python") == "podman"
    assert [server for _, server in helper.calls] == [
        "https://index.docker.io/v1/", "https://index.docker.io/v1/", "docker.io",
    ]  # fmt: skip


def test_a_helper_that_fails_is_told_with_its_file_and_the_next_place_is_looked_into(
    home: Path, helper: Helper
) -> None:
    helper.does(stdout=SECRET, code=1)
    file = write_login(home / ".config" / "containers" / "auth.json", credsStore="fake")
    fault = f"docker-credential-fake ended with an error ({file} names it)"
    assert find("ghcr.io") == Found(None, (fault,))
    assert find("ghcr.io").words == f"It was asked without credentials; {fault}"
    write_login(home / ".docker" / "config.json", {"ghcr.io": auth("ada", SECRET)})
    found = find("ghcr.io")
    assert found.credential is not None
    assert found.credential.user == "ada"
    assert found.faults == (fault,)


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


def test_an_identity_token_of_a_helper_and_of_settings(home: Path, helper: Helper) -> None:
    helper.knows(**{"ghcr.io": ("<token>", "rt")})
    write_login(home / ".docker" / "config.json", credsStore="fake")
    told, given = find("ghcr.io").credential, find("ghcr.io", credentials={"ghcr.io": ("<token>", "rt")}).credential
    assert told is not None
    assert given is not None
    assert (told.kind, told.secret, told.is_told) == (Kind.IDENTITY, "rt", True)
    assert (given.kind, given.secret, given.is_told) == (Kind.IDENTITY, "rt", False)
    assert told.fingerprint == given.fingerprint, "one and the same, wherever it was found"
