"""Certificates are believed as the owner of the machine says, and insecure is what was called so."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import Settings, settings
from ocinb.errors import TransportError
from ocinb.network.tls import Trust, _folders, is_insecure
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.internet import Internet
from tests.sources.servers import open_host

URL = "https://registry.example/v2/"
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate of registry.example that only itself vouches for."""
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x "
        "-addext subjectAltName=DNS:registry.example,IP:127.0.0.1 -keyout key.pem -out own.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "own.pem"


@pytest.fixture
def secure(certificate: Path) -> Iterator[SampleRegistry]:
    with start_registry() as running:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        running._server.socket = context.wrap_socket(running._server.socket, server_side=True)
        yield running


def in_a_folder(certificate: Path, folder: Path) -> Path:
    """Put a certificate into a folder of hashed names, as c_rehash does."""
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(certificate)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    folder.mkdir()
    (folder / f"{name}.0").write_bytes(certificate.read_bytes())
    return folder


def test_a_folder_may_be_the_bundle(secure: SampleRegistry, certificate: Path, tmp_path: Path) -> None:
    settings.ca_bundle = in_a_folder(certificate, tmp_path / "folder")
    assert open_host(secure.host).tags()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        (b"", "no certificate"),
        (b"nonsense", "no certificate"),
        (b"\x00", "no cert"),
    ],
)
@pytest.mark.parametrize("name", ["ocinb.settings.ca_bundle", *VARIABLES])
def test_a_bundle_that_is_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | None, words: str
) -> None:
    place = tmp_path / "bundle.pem"
    if content is not None:
        place.write_bytes(content)
    changed: dict[str, Any] = {"ca_bundle": place} if "." in name else {}
    if not changed:
        monkeypatch.setenv(name, str(place))
    for _ in range(2):  # it is not believed the second time either
        with pytest.raises(TransportError, match=words) as caught:
            Trust(Settings(**changed)).context(URL)
        assert str(place) in str(caught.value)
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "host", "insecure"),
    [
        ((), "registry.example", False),
        (("registry.example",), "registry.example", True),
        (("REGISTRY.example",), "registry.EXAMPLE", True),
        (("registry.example",), "registry.example:443", True),
        (("registry.example:443",), "registry.example", True),
        (("registry.example",), "registry.example:5000", False),
        (("registry.example:5000",), "registry.example", False),
        (("registry.example:5000",), "registry.example:5000", True),
        (("http://registry.example:5000/",), "registry.example:5000", True),
        (("example",), "registry.example", False),
        (("docker.io",), "registry-1.docker.io", True),
        (("10.0.0.0/8",), "10.1.2.3:5000", True),
        (("10.0.0.0/8",), "11.1.2.3:5000", False),
        (("10.0.0.1/8",), "10.1.2.3", True),
        (("fd00::/8",), "[fd00::1]:5000", True),
        (("10.0.0.0/8",), "registry.corp:5000", True),
        (("10.0.0.0/8",), "elsewhere.example", False),
        (("10.0.0.0/8",), "nowhere.example", False),
        (("0.0.0.0/33", "x"), "10.1.2.3", False),
    ],
)
def test_who_is_insecure(entries: tuple[str, ...], host: str, insecure: bool, internet: Internet) -> None:  # noqa: FBT001 - a row
    internet.names = {"registry.corp": ["10.9.9.9"], "elsewhere.example": ["93.184.216.34"]}
    assert is_insecure(host, Settings(insecure_registries=entries)) is insecure


def test_credentials_go_over_plain_http_to_nobody_who_was_not_called_insecure(
    registry: SampleRegistry, internet: Internet
) -> None:
    host = internet.serve("plain.example", registry.host)
    settings.credentials[host] = ("ada", "s3cret")
    with pytest.raises(TransportError, match=r"no secure connection .*insecure_registries allows that"):
        open_host(host).tags()
    assert registry.requests == ()


def test_of_several_folders_those_that_are_not_there_are_passed_over(tmp_path: Path) -> None:
    assert _folders(f"/nowhere::{tmp_path}") == [tmp_path]
    assert _folders("/nowhere") == [Path("/nowhere")], "of which it is said then that it is not there"
