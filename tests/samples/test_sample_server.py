"""The embedded registry notes what is asked, takes in what tests give it, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import logging
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
import requests

from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry, registry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from tests.patience import SECONDS, Stopwatch, until
from tests.samples.asking import TEN, UNKNOWN, get, index_digest, put_ten


@pytest.fixture
def local() -> Iterator[SampleRegistry]:
    with registry() as running:
        yield running


def test_requests_are_noted(local: SampleRegistry) -> None:
    get(local, "/v2/demo/shop/tags/list?n=1", X_Test="yes")
    get(local, "/v2/demo/none/tags/list", method="HEAD")
    first, second = local.requests
    assert (first.method, first.path, first.status) == ("GET", "/v2/demo/shop/tags/list?n=1", 200)
    assert (first.headers["X-Test"], first.header("x-TEST"), first.header("other")) == ("yes", "yes", None)
    assert (second.method, second.status) == ("HEAD", 404)


def test_a_connection_is_kept(local: SampleRegistry) -> None:
    with contextlib.closing(http.client.HTTPConnection(local.host, timeout=SECONDS)) as connection:
        for path in ("/v2/", "/v2/demo/none/tags/list", "/v2/demo/shop/manifests/2.0", "/v2/"):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            kept = connection.sock
            assert answer.version == 11
            assert kept is not None
        connection.request("POST", "/v2/", body=b"x")
        assert connection.getresponse().headers["Connection"] == "close"


def test_kept_connections_are_not_slowed_down_by_nagle(local: SampleRegistry) -> None:
    with contextlib.closing(http.client.HTTPConnection(local.host, timeout=SECONDS)) as connection:
        moments = [time.monotonic()]
        for _ in range(60):
            connection.request("GET", "/v2/")
            connection.getresponse().read()
            moments.append(time.monotonic())
    # With Nagle's algorithm they take 44 ms each.
    assert median(later - now for now, later in pairwise(moments)) < 0.022


def test_many_connections_at_once(local: SampleRegistry) -> None:
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(get(local, "/v2/").status_code)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
    assert len(local.requests) == 40


def test_reference_and_repr(local: SampleRegistry) -> None:
    assert local.host.startswith("127.0.0.1:")
    assert local.reference("demo/shop:2.0") == f"{local.host}/demo/shop:2.0"
    assert repr(local) == f"<SampleRegistry {local.host}, 6 repositories, 0 requests>"
    local.close()
    assert repr(local) == f"<SampleRegistry {local.host}, closed, 0 requests>"


def test_close_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    running = registry()
    with contextlib.closing(http.client.HTTPConnection(running.host, timeout=SECONDS)) as connection:
        connection.request("GET", "/v2/")
        connection.getresponse().read()
        assert len(set(threading.enumerate()) - before) == 2
        running.close()
        assert set(threading.enumerate()) == before
        running.close()
    with pytest.raises(requests.ConnectionError):
        get(running, "/v2/")


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


def test_put_blob_and_manifest(local: SampleRegistry) -> None:
    blob = local.put_blob(TEN, algorithm="sha512")
    digest = local.put_manifest("a/b/c", b"anything", media_type="text/plain", tag="1")
    assert get(local, f"/v2/a/b/c/blobs/{blob}").content == TEN
    answer = get(local, "/v2/a/b/c/manifests/1")
    assert (answer.content, answer.headers["Content-Type"]) == (b"anything", "text/plain")
    assert answer.headers["Docker-Content-Digest"] == digest
    longer = local.put_manifest("a/b/c", b"anything", algorithm="sha512")
    assert get(local, f"/v2/a/b/c/manifests/{longer}").headers["Docker-Content-Digest"] == longer


def test_put_image(local: SampleRegistry) -> None:
    layers = [make_layer([file("a", "1")]), make_layer([file("a", "2")], compression="zstd")]
    digest = local.put_image("x", layers, tag="1", platform="linux/arm/v7", settings={"User": "x"})
    answer = get(local, "/v2/x/manifests/1")
    assert answer.headers["Docker-Content-Digest"] == digest
    assert [layer["digest"] for layer in answer.json()["layers"]] == [layer.digest for layer in layers]
    config = get(local, f"/v2/x/blobs/{answer.json()['config']['digest']}").json()
    assert config["rootfs"]["diff_ids"] == [layer.diff_id for layer in layers]
    assert (config["variant"], config["config"]) == ("v7", {"User": "x"})
    assert get(local, f"/v2/x/blobs/{layers[0].digest}").content == layers[0].raw
    assert local.put_image("x", layers[:1]) != digest


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


def test_registries_do_not_share_what_is_put_in(local: SampleRegistry) -> None:
    path = put_ten(local)
    with registry() as other:
        assert get(other, path).status_code == 404


def test_puts_and_requests_at_the_same_time(local: SampleRegistry) -> None:
    def put() -> None:
        for number in range(3_000):
            local.put_manifest(f"x/{number}", b"{}", tag="1")

    writer = threading.Thread(target=put)
    writer.start()
    statuses = [get(local, "/v2/_catalog").status_code]
    while writer.is_alive():
        statuses.append(get(local, "/v2/_catalog").status_code)
    assert set(statuses) == {200}
    assert len(get(local, "/v2/_catalog").json()["repositories"]) == 3_006
