"""Questions go the way that their surroundings say, end at a stop, and bring what came."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocinb._pool import run_all
from ocinb._settings import settings
from ocinb.errors import InvalidError, TransportError
from ocinb.network.exchange import Exchange, observed_by
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import default_session
from tests.patience import until
from tests.sources.servers import closed_port, open_host
from tests.transferring import BLOB, blob_path, describe, open_repository


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_after_a_stop_nothing_new_is_asked(registry: SampleRegistry, kind: str) -> None:
    settings.concurrency, settings.timeout = 1, 600
    registry.fault("/v2/demo/*", delay=600, times=None)
    source = open_repository(registry)
    default_session().endpoint(registry.host)._sure = True
    wanted = [registry.put_blob(bytes(number)) for number in range(3)]

    def work(number: int) -> object:
        if number == 1:
            until(lambda: registry.requests)
            raise InvalidError("this is why")
        return source.small_blob(wanted[number]) if kind == "blobs" else source.resolve(f"{number}.0")

    with pytest.raises(InvalidError, match="this is why"):
        run_all(work, [0, 1, 2], workers=3)
    assert len(registry.requests) == 1


@pytest.fixture
def private() -> Iterator[SampleRegistry]:
    with start_registry(credentials=("ada", "s3cret-of-ada")) as running:
        settings.credentials[running.host] = ("ada", "s3cret-of-ada")
        yield running


def test_exchanges_are_told_also_those_that_cost_nothing(registry: SampleRegistry) -> None:
    told: list[Exchange] = []
    source = open_repository(registry)
    with observed_by(told.append):
        source.resolve("2.0")
        source.resolve("2.0")
        settings.tag_ttl = 0
        source.resolve("2.0")
    assert [(exchange.method, exchange.status, exchange.from_cache, exchange.reason) for exchange in told] == [
        ("GET", 200, False, "manifest 2.0"),
        ("GET", 200, True, "manifest 2.0, known"),
        ("GET", 304, True, "manifest 2.0"),
    ]
    assert told[0].transferred_bytes > 1000
    assert {exchange.transferred_bytes for exchange in told[1:]} == {0}
    assert "if-none-match" in told[2].request_headers
    source.resolve("1.0")
    assert len(told) == 3, "an observer was told of what came after its block"


def test_a_stream_is_told_with_the_bytes_that_came(registry: SampleRegistry) -> None:
    digest = registry.put_blob(b"x" * 1000)
    told: list[Exchange] = []
    with observed_by(told.append):
        open_repository(registry).small_blob(digest)
    assert [(exchange.url.rpartition("/")[2], exchange.status, exchange.transferred_bytes) for exchange in told] == [
        ("", 200, 2),
        (digest, 200, 1000),
    ]
    assert told[1].reason == f"blob sha256:{digest[7:19]}"


def test_who_is_not_there_is_told_too() -> None:
    settings.retries = 0
    told: list[Exchange] = []
    host = closed_port()
    with observed_by(told.append), pytest.raises(TransportError):
        open_host(host).tags()
    assert {(exchange.status, exchange.from_cache, exchange.transferred_bytes) for exchange in told} == {
        (None, False, 0)
    }
    assert [exchange.url.partition(":")[0] for exchange in told] == ["http", "https"]


def test_a_stream_that_breaks_off_or_is_left_is_told_once(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    registry.fault(blob_path(describe(BLOB)), cut=1000)
    source = open_repository(registry)
    source.tags()
    told: list[Exchange] = []
    with observed_by(told.append):
        with pytest.raises(TransportError), source.open_blob(describe(BLOB)) as blob:
            list(blob.chunks())
        with source.open_blob(describe(BLOB)) as blob:
            assert next(blob.chunks())
    assert [exchange.status for exchange in told] == [200, 200]
    assert told[0].transferred_bytes == 1000
    assert 0 < told[1].transferred_bytes <= len(BLOB)
