"""Redirects are followed as far as they may lead, and take nothing along that is not theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from ocinb._settings import settings
from ocinb.errors import TransportError
from ocinb.network.addresses import reach
from ocinb.network.redirects import AstrayError, redirected
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.base import Source
from ocinb.sources.registry import RegistrySource
from tests.transferring import BLOB, blob_path, describe, open_repository

WANTED = describe(BLOB)


# Hosts that are not public, and which of them lie together.
OF_RANGES = {
    "127.0.0.1": "this machine",
    "localhost": "this machine",
    "[::1]": "this machine",
    "127.1": "this machine",
    "2130706433": "this machine",
    "0x7f.1": "this machine",
    "0177.0.0.1": "this machine",
    "0.0.0.0": "this machine",
    "[::]": "this machine",
    "[::ffff:127.0.0.1]": "this machine",
    "[::127.0.0.1]": "this machine",
    "[64:ff9b::7f00:1]": "this machine",
    "[2002:7f00:1::]": "this machine",
    "169.254.169.254": "link",
    "[fe80::1]": "link",
    "[::ffff:169.254.169.254]": "link",
    "10.0.0.1": "private",
    "172.31.255.1": "private",
    "192.168.0.1": "private",
    "[fd00::1]": "private",
    "[64:ff9b::a00:1]": "private",
    "[2002:c0a8:1::]": "private",
    "100.64.0.1": "shared",
    "100.127.255.254": "shared",
    "224.0.0.1": "multicast",
    "[ff02::1]": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "198.18.0.1": "reserved",
    "192.0.2.1": "reserved",
}


def lead(url: str, location: str) -> str:
    return redirected(url, location, reach(urlsplit(url).hostname))


def read(source: Source, offset: int = 0) -> bytes:
    with source.open_blob(WANTED, offset=offset) as blob:
        return b"".join(blob.chunks())


ASK: dict[str, Callable[[RegistrySource], object]] = {
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
        ("http://ada:hidden@127.0.0.1:1/", "cannot be read"),
    ],
)
def test_a_redirect_that_leads_nowhere(registry: SampleRegistry, question: str, location: str, words: str) -> None:
    redirect(registry, "/v2/demo/*", location, times=None)
    with pytest.raises(TransportError, match=words) as caught:
        ASK[question](open_repository(registry))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert location.startswith("javascript") or "hidden" not in str(caught.value)


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
    assert lead(url, location) == target


@pytest.mark.parametrize("location", ["http://a.example/x", "http://b.example/?sig=hidden", "ftp://a.example/"])
def test_from_https_no_redirect_leads_to_anything_less(location: str) -> None:
    with pytest.raises(AstrayError, match="is refused: it leaves https") as caught:
        lead("https://a.example/v2/x", location)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("host", OF_RANGES)
def test_from_outside_a_range_no_redirect_leads_into_it(host: str) -> None:
    target = f"https://{host}/y"
    for origin in ["a.example", "8.8.8.8", *OF_RANGES]:
        if OF_RANGES.get(origin) != OF_RANGES[host]:
            with pytest.raises(AstrayError, match="leads from outside into a range that is not public"):
                lead(f"https://{origin}/v2/x", target)
