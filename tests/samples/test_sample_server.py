"""The embedded registry notes what is asked, takes in what tests give it, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry, registry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from tests.patience import SECONDS, Stopwatch, until
from tests.samples.asking import UNKNOWN, get, index_digest


@pytest.fixture
def local() -> Iterator[SampleRegistry]:
    with registry() as running:
        yield running


@pytest.mark.parametrize("way", ["delay", "bandwidth"])
def test_close_ends_what_is_slow(way: str) -> None:
    running = registry(bandwidth=1 if way == "bandwidth" else None)
    path = f"/v2/demo/shop/blobs/{running.put_blob(bytes(600))}"
    if way == "delay":
        running.fault(path, delay=600)
    with contextlib.closing(http.client.HTTPConnection(running.host, timeout=SECONDS)) as connection:
        connection.request("GET", path)
        until(lambda: running.requests)
        with Stopwatch() as watch:
            started = time.monotonic()
            running.close()
            assert watch.between(started, time.monotonic()) < 5
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            connection.getresponse().read()


def test_bandwidth_is_for_blobs() -> None:
    with Stopwatch() as watch, registry(bandwidth=500) as running:
        path = f"/v2/demo/shop/blobs/{running.put_blob(bytes(150))}"
        started = time.monotonic()
        assert len(get(running, path).content) == 150
        assert time.monotonic() - started > 0.25
        assert watch.between(started, time.monotonic()) < 5
        started = time.monotonic()
        assert len(get(running, "/v2/demo/shop/manifests/2.0").content) > 1500
        assert watch.between(started, time.monotonic()) < 2


@pytest.mark.parametrize("arguments", [{"bandwidth": 0}, {"page_size": 0}, {"bandwidth": -1.0}])
def test_limits_have_to_be_positive(arguments: dict[str, Any]) -> None:
    before = set(threading.enumerate())
    with pytest.raises(InvalidError, match="has to be positive"):
        registry(**arguments)
    assert set(threading.enumerate()) == before


def test_a_client_that_goes_away_is_no_error(local: SampleRegistry, caplog: pytest.LogCaptureFixture) -> None:
    path = f"/v2/demo/shop/blobs/{local.put_blob(bytes(50_000_000))}"
    for _ in range(3):
        with contextlib.closing(http.client.HTTPConnection(local.host, timeout=SECONDS)) as connection:
            connection.request("GET", path)
            connection.getresponse()
    local.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_put_image_of_many_layers(local: SampleRegistry) -> None:
    local.put_image("x", [make_layer([file("a", str(number))]) for number in range(70)], tag="1")
    config = get(local, "/v2/x/manifests/1").json()["config"]["digest"]
    created = [entry["created"] for entry in get(local, f"/v2/x/blobs/{config}").json()["history"]]
    assert created == sorted(set(created))
    assert created[-1].startswith("2025-01-01T00:01:09.")


def test_tags_move_and_go(local: SampleRegistry) -> None:
    old = index_digest(local, "1.0")
    local.tag("demo/shop", "latest", old)
    assert index_digest(local, "latest") == old
    local.untag("demo/shop", "latest")
    assert get(local, "/v2/demo/shop/manifests/latest").status_code == 404
    assert get(local, f"/v2/demo/shop/manifests/{old}").status_code == 200
    with pytest.raises(NotFoundError):
        local.tag("demo/shop", "latest", UNKNOWN)
    with pytest.raises(NotFoundError):
        local.untag("demo/shop", "latest")
