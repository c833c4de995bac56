"""A layer that its registry does not have is fetched from where its descriptor says, by nobody in particular."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ocinb._settings import settings
from ocinb.errors import NotFoundError, OcinbError, TransportError
from ocinb.network.redirects import AstrayError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.endpoint import checked
from tests.internet import Internet
from tests.sources.servers import closed_port, open_host
from tests.transferring import BLOB, blob_path, describe, open_repository

WANTED = describe(BLOB)


@pytest.fixture
def elsewhere() -> Iterator[SampleRegistry]:
    with start_registry() as running:
        running.put_blob(BLOB)
        yield running


def test_it_is_fetched_without_credentials(elsewhere: SampleRegistry) -> None:
    with start_registry(credentials=("ada", "pw")) as private:
        settings.credentials[private.host] = settings.credentials[elsewhere.host] = ("ada", "pw")
        layer = replace(WANTED, urls=(f"http://{closed_port()}/", f"http://{elsewhere.host}{blob_path(WANTED)}"))
        with open_repository(private).open_blob(layer, offset=7) as blob:
            assert (blob.offset, b"".join(blob.chunks())) == (7, BLOB[7:])
    [request] = elsewhere.requests
    assert request.header("Authorization") is None
    assert request.header("Range") == "bytes=7-"


def test_what_is_nowhere_is_not_found(registry: SampleRegistry, elsewhere: SampleRegistry) -> None:
    layer = replace(WANTED, urls=(f"http://{elsewhere.host}/gone",))
    with pytest.raises(NotFoundError), open_repository(registry).open_blob(layer):
        pytest.fail("an error passed as a blob")
    with pytest.raises(NotFoundError), open_repository(registry).open_blob(WANTED):
        pytest.fail("nothing passed as a blob")


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.1"])
def test_a_public_registry_has_nothing_fetched_inside(
    registry: SampleRegistry, elsewhere: SampleRegistry, internet: Internet, address: str
) -> None:
    name = internet.serve("registry.example", registry.host)
    settings.insecure_registries = (name,)
    inside = internet.serve("inside.example", elsewhere.host, address)
    for url in (f"https://{inside}/", f"https://{address}/", f"http://{inside}/"):
        with pytest.raises(AstrayError), open_host(name).open_blob(replace(WANTED, urls=(url,))):
            pytest.fail("something came")
    assert elsewhere.requests == ()


@pytest.mark.parametrize(
    ("base", "url", "may"),
    [
        ("https://registry.example", "https://cdn.example/x", True),
        ("https://registry.example", "http://cdn.example/x", False),
        ("http://registry.example", "http://cdn.example/x", False),
        ("http://127.0.0.1:5000", "http://127.0.0.1:9/x", True),
        ("http://127.0.0.1:5000", "http://cdn.example/x", False),
        ("http://127.0.0.1:5000", "https://cdn.example/x", True),
        ("https://registry.example", "ftp://cdn.example/x", False),
        ("https://registry.example", "file:///etc/passwd", False),
        ("https://registry.example", "https://ada:pw@cdn.example/x", False),
        ("https://registry.example", "https://[::1/x", False),
    ],
)
def test_what_a_document_may_name(base: str, url: str, may: bool) -> None:  # noqa: FBT001 - a row
    if may:
        assert checked(url, base) == url
        return
    with pytest.raises(TransportError):
        checked(url, base)


def test_a_reader_that_fails_is_not_taken_for_a_place_that_does(elsewhere: SampleRegistry) -> None:
    with start_registry() as registry:
        urls = (f"http://{elsewhere.host}{blob_path(WANTED)}",) * 2
        with pytest.raises(OcinbError, match="mine"), open_repository(registry).open_blob(replace(WANTED, urls=urls)):
            raise OcinbError("mine")
    assert len(elsewhere.requests) == 1
