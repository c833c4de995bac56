"""A registry out in the world leads nobody into the network that they are in, by no address and no name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb._settings import settings
from ocinb.network import dns
from tests.hostile.outside import PUBLIC, PUBLIC_STRANGER, REGISTRY, ROWS, STRANGER, Outside, made_up_names
from tests.hostile.rows import Row
from tests.hostile.test_hostile import check_withstood
from tests.hostile.world import World, hostile_world
from tests.real.certificates import make_authority


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    authority = make_authority(tmp_path_factory.mktemp("authority"))
    files = authority.issue(REGISTRY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["certificate"], files["key"])
    return authority.bundle, context


@pytest.fixture
def outside(certified: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, Outside]]:
    settings.ca_bundle, context = certified
    with hostile_world(context) as world:
        ports = [int(server.host.rpartition(":")[2]) for server in (world.registry, world.stranger)]
        network = Outside(dict(zip((PUBLIC, PUBLIC_STRANGER), ports, strict=True)), made_up_names())
        monkeypatch.setattr(dns, "network", network)
        world.registry.host, world.stranger.host = f"{REGISTRY}:{ports[0]}", f"{STRANGER}:{ports[1]}"
        world.issuer.realm = f"{world.registry.base}/token"
        yield world, network


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_nobody_is_led_home(row: Row, outside: tuple[World, Outside], caplog: pytest.LogCaptureFixture) -> None:
    world, network = outside
    check_withstood(row, world, caplog)
    assert PUBLIC in network.called
    assert set(network.called) <= {PUBLIC, PUBLIC_STRANGER}
