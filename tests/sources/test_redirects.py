"""Redirects are followed as far as they may lead, and take nothing along that is not theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ocinb._settings import settings
from ocinb.errors import AuthError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.base import Source
from ocinb.sources.http import _redirected
from ocinb.sources.session import default_session, open_source
from ocinb.spec.reference import Reference
from tests.sources.servers import listening, saying
from tests.transferring import BLOB, blob_path, describe, open_repository

WANTED = describe(BLOB)


def read(source: Source, offset: int = 0) -> bytes:
    with source.open_blob(WANTED, offset=offset) as blob:
        return b"".join(blob.chunks())


ASK: dict[str, Callable[[Source], object]] = {
    "blob": read,
    "small blob": lambda source: source.small_blob(WANTED.digest),
    "tag": lambda source: source.resolve("2.0"),
    "head": lambda source: source.head("2.0"),
    "tags": lambda source: source.tags(),
}


@pytest.fixture
def private() -> Iterator[SampleRegistry]:
    with start_registry(credentials=("ada", "pw")) as running:
        settings.credentials[running.host] = ("ada", "pw")
        running.put_blob(BLOB)
        yield running


def redirect(registry: SampleRegistry, path: str, location: str, *, status: int = 307, times: int | None = 1) -> None:
    registry.fault(path, method="*", status=status, headers={"Location": location}, times=times)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_takes_no_authorization_along(
    private: SampleRegistry, registry: SampleRegistry, status: int
) -> None:
    registry.put_blob(BLOB)
    source = open_repository(private)
    source.tags()
    redirect(private, blob_path(WANTED), f"http://{registry.host}{blob_path(WANTED)}", status=status)
    assert read(source, offset=7) == BLOB[7:]
    assert (private.requests[-1].header("Authorization") or "").startswith("Bearer ")
    [elsewhere] = registry.requests
    assert elsewhere.header("Authorization") is None
    assert elsewhere.header("Range") == "bytes=7-"


def test_after_a_detour_no_authorization_comes_back(private: SampleRegistry, registry: SampleRegistry) -> None:
    source = open_repository(private)
    source.tags()
    redirect(private, blob_path(WANTED), f"http://{registry.host}/detour")
    redirect(registry, "/detour", f"http://{private.host}{blob_path(WANTED)}?back")
    assert read(source) == BLOB
    back = [request for request in private.requests if request.path.endswith("?back")]
    assert [request.header("Authorization") for request in back] == [None]


@pytest.mark.parametrize("question", ["blob", "tag", "tags"])
def test_what_a_redirect_leads_to_does_not_say_where_credentials_go(
    private: SampleRegistry, registry: SampleRegistry, question: str
) -> None:
    source = open_repository(private)
    source.head("1.0")
    before = len(private.requests)
    redirect(private, "/v2/demo/*", f"http://{registry.host}/elsewhere", times=None)
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{private.host}/token?for=elsewhere"'}
    registry.fault("/elsewhere", status=401, headers=challenge, times=None)
    with pytest.raises(AuthError):
        ASK[question](source)
    assert len(private.requests) == before + 1
    assert [request.header("Authorization") for request in registry.requests] == [None]


def test_a_redirect_on_the_same_host_keeps_it(private: SampleRegistry) -> None:
    source = open_repository(private)
    source.tags()
    redirect(private, blob_path(WANTED), f"{blob_path(WANTED)}?again")
    assert read(source) == BLOB
    assert (private.requests[-1].header("Authorization") or "").startswith("Bearer ")


@pytest.mark.parametrize("question", ASK)
def test_an_endless_redirect_is_an_error(registry: SampleRegistry, question: str) -> None:
    redirect(registry, "/v2/demo/*", "?round=1", times=None)
    with pytest.raises(TransportError, match="more than 10 redirects") as caught:
        ASK[question](open_repository(registry))
    assert registry.host in str(caught.value)
    asked = [request for request in registry.requests if request.path != "/v2/"]
    assert len(asked) == settings.max_redirects + 1


@pytest.mark.parametrize("question", ASK)
@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://127.0.0.1:99999/?sig=hidden", "cannot be read"),
        ("http://[::1/?sig=hidden", "cannot be read"),
        ("http://127.0.0.1:port/?sig=hidden", "cannot be read"),
        ("ftp://127.0.0.1/?sig=hidden", "is refused"),
        ("file:///etc/passwd?sig=hidden", "is refused"),
        ("javascript:hidden", "is refused"),
        ("http://a..b/?sig=hidden", "no address that can be asked"),
        ("http://127.0.0.1:1/?sig=hidden", "cannot be reached"),
        ("http://ada:hidden@127.0.0.1:1/", "cannot be reached"),
    ],
)
def test_a_redirect_that_leads_nowhere(registry: SampleRegistry, question: str, location: str, words: str) -> None:
    redirect(registry, "/v2/demo/*", location, times=None)
    with pytest.raises(TransportError, match=words) as caught:
        ASK[question](open_repository(registry))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert location.startswith("javascript") or "hidden" not in str(caught.value)


def test_the_body_of_a_redirect_is_not_waited_for(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    target = f"http://{registry.host}{blob_path(WANTED)}"
    huge = f"HTTP/1.1 307 Moved\r\nLocation: {target}\r\nContent-Length: 9000000000\r\n\r\n"
    with listening(saying(huge.encode() + b"x" * 1000)) as host:
        source = open_source(Reference(f"{host}/demo/shop"), session=default_session())
        default_session().endpoint(host)._sure = True
        assert read(source) == BLOB


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("https://a.example/v2/x", "https://b.example/y", "https://b.example/y"),
        ("https://a.example/v2/x", "/y", "https://a.example/y"),
        ("https://a.example/v2/x", "y?n=1", "https://a.example/v2/y?n=1"),
        ("https://a.example/v2/x", "//b.example/y", "https://b.example/y"),
        ("http://a.example/v2/x", "https://b.example/y", "https://b.example/y"),
        ("http://a.example/v2/x", "http://b.example/y", "http://b.example/y"),
    ],
)
def test_where_a_redirect_may_lead(url: str, location: str, target: str) -> None:
    assert _redirected(url, location) == target


@pytest.mark.parametrize("location", ["http://a.example/x", "http://b.example/?sig=hidden", "ftp://a.example/"])
def test_from_https_no_redirect_leads_to_anything_less(location: str) -> None:
    with pytest.raises(TransportError, match="is refused: it leaves https") as caught:
        _redirected("https://a.example/v2/x", location)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]", "0.0.0.0", "127.1"])
def test_from_elsewhere_no_redirect_leads_to_this_machine(host: str) -> None:
    with pytest.raises(TransportError, match="is refused: it leads back here"):
        _redirected("https://a.example/v2/x", f"https://{host}/y")
    assert _redirected("https://127.0.0.1:5000/x", f"https://{host}/y") == f"https://{host}/y"
