"""Registries are found by http or https, and their lists are followed page by page, and nowhere else."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest

from ocinb._settings import settings
from ocinb.errors import OcinbError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import default_session, open_source
from ocinb.sources.tag_lists import list_repositories
from ocinb.spec.reference import Reference
from tests.sources.servers import closed_port, listening
from tests.transferring import open_repository

PLAIN_TO_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


@pytest.fixture
def secure(registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SampleRegistry:
    """Let the registry speak TLS, with a certificate of its own."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    registry._server.socket = context.wrap_socket(registry._server.socket, server_side=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    return registry


def test_from_a_tls_registry_no_redirect_leads_to_plain_http(secure: SampleRegistry) -> None:
    with start_registry() as plain:
        open_repository(secure).head("1.0")
        secure.fault("*/tags/list", status=307, headers={"Location": f"http://{plain.host}/v2/demo/shop/tags/list"})
        with pytest.raises(TransportError, match="it leaves https"):
            open_repository(secure).tags()
        assert plain.requests == ()


def test_a_server_that_asks_for_https_is_asked_so() -> None:
    heard: list[bytes] = []

    def talk(connection: socket) -> None:
        heard.append(connection.recv(65536))
        if heard[-1].startswith(b"GET"):
            connection.sendall(PLAIN_TO_TLS)

    with listening(talk) as host:
        source = open_source(Reference(f"{host}/demo/shop"), session=default_session())
        with pytest.raises(TransportError, match=r"no secure connection|cannot be reached"):
            source.tags()
    assert [first[:1] for first in heard] == [b"G", b"\x16"], "plain http, then a TLS hello"


@pytest.mark.parametrize(
    ("location", "words"),
    [("http://registry.example/", "it leaves https"), ("https://{nobody}/", "{nobody} cannot be reached")],
)
def test_a_first_answer_that_leads_nowhere_is_reported_as_what_it_is(
    secure: SampleRegistry, location: str, words: str
) -> None:
    nobody = closed_port()
    location = location.format(nobody=nobody)
    secure.fault("*/tags/list", status=307, headers={"Location": location}, times=None)
    with pytest.raises(TransportError, match=words.format(nobody=nobody)):
        open_repository(secure).tags()


@pytest.fixture
def paged() -> Iterator[SampleRegistry]:
    with start_registry(page_size=2) as running:
        yield running


def link(registry: SampleRegistry, target: str, *, times: int | None = 1, rel: str = 'rel="next"') -> None:
    registry.fault("*/tags/list", headers={"Link": f"<{target}>; {rel}"}, times=times)


def test_a_list_without_an_end_is_an_error_and_no_shorter_list(registry: SampleRegistry) -> None:
    settings.max_list_pages = 3
    for number in range(10):
        registry.fault("/v2/_catalog*", headers={"Link": f'</v2/_catalog?last={number}>; rel="next"'})
    with pytest.raises(TransportError, match="has more than 3 pages"):
        list_repositories(default_session().endpoint(registry.host))
    assert len(registry.requests) == 3


@pytest.mark.parametrize("effect", [{"status": 500}, {"status": 404}, {"drop": True}, {"body": "<html>"}])
def test_a_page_that_fails_is_an_error_and_no_shorter_list(paged: SampleRegistry, effect: dict[str, object]) -> None:
    paged.fault("*/tags/list?*last=*", times=None, **effect)  # type: ignore[arg-type]
    with pytest.raises(OcinbError):
        open_repository(paged).tags()


@pytest.mark.parametrize(("page_size", "pages", "whole"), [(None, 1, True), (2, 1, False), (2, 2, False), (2, 9, True)])
def test_a_list_within_some_pages_is_whole_or_none(page_size: int | None, pages: int, *, whole: bool) -> None:
    with start_registry(page_size=page_size) as registry:
        source = open_repository(registry)
        told = source.tags_within(pages)
        count = len(registry.requests)
        assert told == (source.tags() if whole else None)
    assert 1 <= count <= pages


def test_a_registry_that_knows_the_list_only_without_a_length(registry: SampleRegistry) -> None:
    registry.fault("*/tags/list?n=*", status=404, body="<h1>Not Found</h1>", times=None)
    assert "2.0" in open_repository(registry).tags()
