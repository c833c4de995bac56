"""The files of docker and podman are found in their order, read as they read them, and never quoted."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from ocinb.auth.auth_files import MAX_BYTES, AuthFile, AuthFiles, auth_paths
from tests.logins import auth, write_login

SECRET = "s3cret-of-ada"
UID = os.getuid()
USUAL = ["/h/.config/containers/auth.json", "/h/.docker/config.json", "/h/.dockercfg"]
RUNTIME = {"XDG_RUNTIME_DIR": "/run/user/7"}


@pytest.mark.parametrize(
    ("environment", "system", "paths"),
    [
        (
            {},
            "linux",
            [f"/run/containers/{UID}/auth.json", *USUAL],
        ),
        (
            RUNTIME,
            "linux",
            ["/run/user/7/containers/auth.json", *USUAL],
        ),
        (
            {**RUNTIME, "XDG_CONFIG_HOME": "/c", "DOCKER_CONFIG": "/d", "REGISTRY_AUTH_FILE": "/a.json"},
            "linux",
            ["/a.json", "/d/config.json", "/run/user/7/containers/auth.json", "/c/containers/auth.json", USUAL[2]],
        ),
        (
            {"REGISTRY_AUTH_FILE": "/h/.docker/config.json"},
            "darwin",
            ["/h/.docker/config.json", "/h/.config/containers/auth.json", "/h/.dockercfg"],
        ),
        (
            {**RUNTIME, "XDG_CONFIG_HOME": "/c"},
            "darwin",
            ["/h/.config/containers/auth.json", "/c/containers/auth.json", "/h/.docker/config.json", "/h/.dockercfg"],
        ),
        (
            {"REGISTRY_AUTH_FILE": "", "DOCKER_CONFIG": "", "XDG_CONFIG_HOME": "", "XDG_RUNTIME_DIR": ""},
            "darwin",
            [*USUAL],
        ),
    ],
)  # fmt: skip
def test_the_order(environment: dict[str, str], system: str, paths: list[str]) -> None:
    assert [str(place.path) for place in auth_paths({"HOME": "/h", **environment}, system)] == paths


def test_nobody_has_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    assert [str(place.path) for place in auth_paths(RUNTIME, "linux")] == ["/run/user/7/containers/auth.json"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker" / "config.json"


def only(files: AuthFiles) -> AuthFile:
    [one] = files
    return one


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("kept", "login"),
    [
        (auth("ada", SECRET), ("ada", SECRET, "", "")),
        (auth("ada", "a:b:"), ("ada", "a:b:", "", "")),
        (auth("", SECRET), ("", SECRET, "", "")),
        ({"auth": encoded(b"ada:pw\0\0")}, ("ada", "pw", "", "")),
        ({"auth": f" {encoded(b'ada:pw')}\n"}, ("ada", "pw", "", "")),
        ({"auth": encoded(b"ada:p\xfc")}, ("ada", "p\udcfc", "", "")),
        ({"username": "ada", "password": SECRET}, ("ada", SECRET, "", "")),
        ({**auth("ada", SECRET), "username": "eve", "password": "x"}, ("ada", SECRET, "", "")),
        ({"identitytoken": "rt"}, ("<token>", "rt", "", "")),
        ({**auth("ada", ""), "identitytoken": "rt"}, ("<token>", "rt", "ada", "")),
        ({**auth("ada", SECRET), "registrytoken": "eyJ", "identitytoken": "rt"}, ("<bearer>", "eyJ", "", "")),
        ({**auth("ada", SECRET), "email": "a@b", "unknown": 5, "identitytoken": None}, ("ada", SECRET, "", "")),
        ({}, None),
        ({"auth": "", "email": "a@b"}, None),
        ({"auth": encoded(b":")}, None),
    ],
)
def test_entries(file: Path, kept: Any, login: tuple[str, ...] | None) -> None:
    write_login(file, {"ghcr.io": kept})
    found = only(AuthFiles())
    entry = found.entries.get("ghcr.io")
    assert (entry and (entry.user, entry.secret, entry.user_beside, entry.secret_beside)) == login
    assert found.faults == {}
    assert SECRET not in f"{found}{found!r}"


@pytest.mark.parametrize(
    "kept",
    [
        {"auth": f"!{SECRET}!"},
        {"auth": encoded(SECRET.encode())},
        {"auth": "YQ"},
        {"auth": 5},
        {"username": [SECRET], "password": "x"},
        {"registrytoken": f"{SECRET}\r\nX: y"},
        SECRET,
        None,
        [auth("ada", SECRET)],
    ],
)
def test_a_bad_entry_spoils_no_other(file: Path, kept: Any) -> None:
    write_login(file, {"bad.example": kept, "good.example": auth("ada", SECRET)})
    found = only(AuthFiles())
    assert set(found.entries) == {"good.example"}
    assert found.faults == {"bad.example": f"{file} has an entry for bad.example that cannot be read"}
    assert SECRET not in repr(found)


def test_keys_are_folded_and_the_plain_one_wins(file: Path) -> None:
    auths = {
        "https://index.docker.io/v1/": auth("old", "1"),
        "docker.io": auth("plain", "2"),
        "https://ghcr.io/v1/": auth("ghcr", "3"),
        "quay.io/org/app": auth("quay", "4"),
        f"ada:{SECRET}@evil.example": auth("eve", "5"),
    }
    write_login(
        file, auths, credHelpers={"https://GCR.io": "gcloud", "a.example": "", "b.example": 5}, credsStore="pass"
    )
    found = only(AuthFiles())
    assert {key: entry.user for key, entry in found.entries.items()} == {
        "docker.io": "plain", "ghcr.io": "ghcr", "quay.io/org/app": "quay",
    }  # fmt: skip
    assert found.helpers == {"gcr.io": "gcloud"}
    assert found.store == "pass"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (f'{{"auths": {{"ghcr.io": "{SECRET}'.encode(), "is not valid JSON"),
        (b"", "is not valid JSON"),
        (b"\xff\xfe\x00" + SECRET.encode(), "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (f'["{SECRET}"]'.encode(), "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (b" " * (MAX_BYTES + 1), "longer than 4,194,304 bytes"),
    ],
)
def test_a_corrupt_file_is_named_and_not_quoted(file: Path, raw: bytes, words: str) -> None:
    write_login(file).write_bytes(raw)
    [fault] = only(AuthFiles()).faults.values()
    assert str(file) in fault
    assert words in fault
    assert SECRET not in fault


def test_what_is_no_file(file: Path) -> None:
    file.mkdir(parents=True)
    [fault] = only(AuthFiles()).faults.values()
    assert fault.startswith(f"{file} cannot be read: ")
    file.rmdir()
    os.mkfifo(file)
    assert only(AuthFiles()).faults == {"": f"{file} cannot be read: it is no regular file"}


def test_the_file_that_a_variable_names_has_to_be_there(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "gone.json"))
    write_login(file, {"ghcr.io": auth("ada", SECRET)})
    first, second = AuthFiles()
    assert first.faults == {"": f"REGISTRY_AUTH_FILE names {tmp_path / 'gone.json'}, which is not there"}
    assert set(second.entries) == {"ghcr.io"}
