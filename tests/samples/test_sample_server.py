"""The embedded registry notes what is asked, takes in what tests give it, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry, registry
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


@pytest.mark.parametrize("arguments", [{"bandwidth": 0}, {"page_size": 0}, {"bandwidth": -1.0}])
def test_limits_have_to_be_positive(arguments: dict[str, Any]) -> None:
    before = set(threading.enumerate())
    with pytest.raises(InvalidError, match="has to be positive"):
        registry(**arguments)
    assert set(threading.enumerate()) == before


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
