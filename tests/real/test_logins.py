"""Logins that other programs wrote down, and helpers as docker has them, open a real registry for us too."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import AuthError
from tests import tokenserver
from tests.real import dockerregistry, logins, tools
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry
from tests.real.logins import ADA, BERT, Pair
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real

VARIABLES = ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")
# A real helper is a program that reads a host and says a login; this one notes what it was asked.
HELPER = """\
#!/bin/sh
read -r server
echo "$1 $server" >> "{log}"
if [ "$1 $server" = "get {host}" ]; then
    printf '{{"ServerURL": "%s", "Username": "{user}", "Secret": "{secret}"}}' "$server"
else
    echo "credentials not found in native keychain"
    exit 1
fi
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Live where nobody has logged in anywhere."""
    place = tmp_path / "home"
    place.mkdir()
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "run"))
    return place


def log_in(program: str, file: Path, server: str, pair: Pair) -> None:
    user, secret = pair
    tools.run(
        program,
        "login",
        f"--authfile={file}",
        "--tls-verify=false",
        f"--username={user}",
        f"--password={secret}",
        server,
    )


@pytest.mark.parametrize("program", ["skopeo", "buildah"])
@pytest.mark.parametrize("pair", [ADA, BERT], ids=["plain", "with-a-colon-and-umlauts"])
def test_what_a_program_wrote_is_read(
    program: str,
    pair: Pair,
    password_registry: DockerRegistry,
    real_images: RealImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(program, tmp_path / "auth.json", password_registry.host, pair)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    assert_same(frames_of(password_registry.reference(real_images.index)), frames_of(real_images.index))


@pytest.mark.parametrize(
    ("variable", "folder", "file"),
    [
        ("XDG_RUNTIME_DIR", "run", "containers/auth.json"),
        ("XDG_CONFIG_HOME", "config", "containers/auth.json"),
        (None, ".config", "containers/auth.json"),
        ("DOCKER_CONFIG", "docker", "config.json"),
        (None, ".docker", "config.json"),
    ],
    ids=["runtime", "config", "config-by-default", "docker-config", "docker-by-default"],
)
def test_it_is_found_where_programs_put_it(
    variable: str | None,
    folder: str,
    file: str,
    password_registry: DockerRegistry,
    real_images: RealImages,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if variable:
        monkeypatch.setenv(variable, str(home / folder))
    place = home / folder / file
    place.parent.mkdir(parents=True, exist_ok=True)
    log_in("skopeo", place, password_registry.host, ADA)
    assert len(ocinb.layers(password_registry.reference(real_images.busybox_oci)))


def test_a_login_for_one_repository_is_for_no_other(
    password_registry: DockerRegistry, real_images: RealImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "auth.json"
    log_in("skopeo", file, f"{password_registry.host}/real/busybox", ADA)
    assert list(json.loads(file.read_text())["auths"]) == [f"{password_registry.host}/real/busybox"]
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(file))
    assert len(ocinb.layers(password_registry.reference(real_images.busybox_oci)))
    with pytest.raises(AuthError):
        ocinb.layers(password_registry.reference(real_images.index))


def test_the_longest_key_decides(
    password_registry: DockerRegistry, real_images: RealImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "auth.json"
    log_in("skopeo", file, password_registry.host, ADA)
    wrong = {"auth": logins.basic(("ada", "wrong"))}
    document = json.loads(file.read_text())
    document["auths"][f"{password_registry.host}/real/multi"] = wrong
    file.write_text(json.dumps(document))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(file))
    assert len(ocinb.layers(password_registry.reference(real_images.busybox_oci)))
    with pytest.raises(AuthError, match="real/multi"):
        ocinb.layers(password_registry.reference(real_images.index))


def test_who_logs_out_is_nobody_again(
    password_registry: DockerRegistry, real_images: RealImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "auth.json"
    log_in("skopeo", file, password_registry.host, ADA)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(file))
    ocinb.settings.tag_ttl = 0
    assert len(ocinb.layers(password_registry.reference(real_images.busybox_oci)))
    tools.run("skopeo", "logout", f"--authfile={file}", password_registry.host)
    with pytest.raises(AuthError):
        ocinb.tags(password_registry.reference(real_images.busybox_oci).rpartition(":")[0])


def test_settings_count_more_than_a_file(
    password_registry: DockerRegistry, real_images: RealImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "auth.json"
    log_in("skopeo", file, password_registry.host, ADA)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(file))
    ocinb.settings.credentials[password_registry.host] = ("ada", "wrong")
    with pytest.raises(AuthError):
        ocinb.layers(password_registry.reference(real_images.busybox_oci))


@pytest.fixture
def helper(
    password_registry: DockerRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """Put a helper into PATH, and give what it was asked so far."""
    programs, log = tmp_path / "programs", tmp_path / "asked"
    programs.mkdir()
    program = programs / "docker-credential-notebook"
    program.write_text(HELPER.format(log=log, host=password_registry.host, user=ADA[0], secret=ADA[1]))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return lambda: log.read_text().splitlines() if log.exists() else []


@pytest.mark.parametrize("for_all", [True, False], ids=["credsStore", "credHelpers"])
def test_a_helper_is_asked_once_the_registry_wants_to_know(
    *,
    for_all: bool,
    password_registry: DockerRegistry,
    docker_registry: DockerRegistry,
    real_images: RealImages,
    home: Path,
    helper: Callable[[], list[str]],
) -> None:
    one = {"credHelpers": {password_registry.host: "notebook", docker_registry.host: "notebook"}}
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"credsStore": "notebook"} if for_all else one))
    ocinb.layers(real_images.busybox_oci)
    assert helper() == [], "an open registry asks for nothing"
    assert_same(frames_of(password_registry.reference(real_images.busybox_oci)), frames_of(real_images.busybox_oci))
    assert set(helper()) == {f"get {password_registry.host}"}


def test_a_helper_that_is_not_there_matters_only_to_who_asks_for_it(
    password_registry: DockerRegistry, real_images: RealImages, home: Path
) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text('{"credsStore": "nowhere"}')
    assert len(ocinb.layers(real_images.busybox_oci))
    with pytest.raises(AuthError, match="docker-credential-nowhere"):
        ocinb.layers(password_registry.reference(real_images.busybox_oci))


def test_an_identity_token_of_a_file_opens_a_registry_with_a_token_service(
    docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path, home: Path
) -> None:
    (home / ".docker").mkdir()
    with tokenserver.serve(tmp_path, users=dict([ADA])) as tokens:
        tokens.refresh_tokens["refresh-7"] = ADA[0]
        section = {"auth": {"token": logins.token_section(tokens)}}
        with dockerregistry.serve(tmp_path, section, storage=docker_registry.storage) as registry:
            entry = {"auth": logins.basic(("00000000-0000-0000-0000-000000000000", "")), "identitytoken": "refresh-7"}
            (home / ".docker" / "config.json").write_text(json.dumps({"auths": {registry.host: entry}}))
            assert_same(frames_of(registry.reference(real_images.index)), frames_of(real_images.index))
        [asked] = tokens.requests
    assert asked.method == "POST"
    assert asked.form["grant_type"] == ["refresh_token"]
    assert asked.user == ADA[0]
