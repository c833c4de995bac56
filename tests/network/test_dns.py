"""Names are judged by what they resolve to, and the address that was judged is the one that is called."""

from __future__ import annotations

import pytest

from ocinb._settings import settings
from ocinb.errors import OcinbError, TransportError
from ocinb.network.redirects import AstrayError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.base import Source
from tests.internet import PUBLIC, Internet
from tests.sources.servers import open_host
from tests.transferring import BLOB, blob_path, describe

WANTED = describe(BLOB)
INWARDS = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.7.7",
    "169.254.169.254",
    "100.64.1.1",
    "::1",
    "fd00::1",
    "fe80::1",
    "0.0.0.0",
]


@pytest.fixture
def source(registry: SampleRegistry, internet: Internet) -> Source:
    """Give a repository of a registry that has a public address."""
    name = internet.serve("registry.example", registry.host)
    settings.insecure_registries = (name,)
    return open_host(name)


def redirect(registry: SampleRegistry, location: str, *, path: str = blob_path(WANTED)) -> None:
    registry.fault(path, method="*", status=307, headers={"Location": location}, times=None)


def read(source: Source) -> bytes:
    with source.open_blob(WANTED) as blob:
        return b"".join(blob.chunks())


@pytest.mark.parametrize("address", INWARDS)
@pytest.mark.parametrize("named", [True, False], ids=["by name", "by address"])
def test_a_public_registry_leads_nobody_inwards(
    source: Source, registry: SampleRegistry, internet: Internet, address: str, *, named: bool
) -> None:
    with start_registry() as inside:
        host = internet.serve("inside.example", inside.host, address)
        literal = f"[{address}]" if ":" in address else address
        redirect(registry, f"http://{host if named else literal + ':' + inside.host.rpartition(':')[2]}/?sig=hidden")
        with pytest.raises(AstrayError, match="from outside") as caught:
            read(source)
        assert inside.requests == ()
    assert address not in internet.called
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("here", "there", "may"), [("10.0.0.1", "192.168.0.9", True), ("10.0.0.1", "127.0.0.1", False)]
)
@pytest.mark.parametrize("called", ["registry.corp", "REGISTRY.corp"])
def test_a_private_registry_leads_to_its_own_kind_alone(
    registry: SampleRegistry, internet: Internet, called: str, here: str, there: str, *, may: bool
) -> None:
    name = internet.serve(called, registry.host, here)
    settings.insecure_registries = (name,)
    with start_registry() as store:
        store.put_blob(BLOB)
        redirect(registry, f"http://{internet.serve('store.corp', store.host, there)}{blob_path(WANTED)}")
        if may:
            assert read(open_host(name)) == BLOB
            return
        with pytest.raises(AstrayError, match="to a loopback address"):
            read(open_host(name))


def test_behind_a_proxy_only_addresses_are_judged(
    source: Source, registry: SampleRegistry, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.tags()
    with start_registry() as inside:
        redirect(registry, "http://inside.example/")
        monkeypatch.setenv("http_proxy", f"http://{inside.host}")
        monkeypatch.setenv("no_proxy", "registry.example")
        internet.serve("inside.example", inside.host, "10.0.0.1")
        with pytest.raises(OcinbError):
            read(source)
        assert [request.path for request in inside.requests] == ["http://inside.example/"]
        redirect(registry, "http://10.0.0.1/", path="*/tags/list")
        settings.tag_ttl = 0
        with pytest.raises(AstrayError):
            source.tags()
        assert len(inside.requests) == 1


def test_a_name_that_is_not_there(internet: Internet) -> None:
    with pytest.raises(TransportError, match=r"nowhere.example cannot be reached: .*not known.* Is the name right"):
        open_host("nowhere.example").tags()
    assert internet.called == []


def test_a_line_that_was_allowed_to_a_name_is_none_for_a_network(registry: SampleRegistry, internet: Internet) -> None:
    name = internet.serve("registry.example", registry.host, PUBLIC)
    settings.insecure_registries, settings.retries, settings.tag_ttl = (name,), 0, 0
    source = open_host(name)
    assert source.tags()
    before = len(registry.requests)
    internet.names["registry.example"] = ["10.0.0.5"]
    settings.insecure_registries = ("10.0.0.0/8",)
    with pytest.raises(TransportError, match=r"is at 93\.184\.216\.34, and insecure_registries"):
        source.tags()
    assert len(registry.requests) == before
