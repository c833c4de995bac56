"""Whoever observes is told of every exchange, and of no secret."""

from __future__ import annotations

from ocinb._pool import run_all
from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from ocinb.sources.exchange import Exchange, observed_by
from tests.transferring import open_repository


def test_exchanges_are_told_also_those_that_cost_nothing(registry: SampleRegistry) -> None:
    told: list[Exchange] = []
    source = open_repository(registry)
    with observed_by(told.append):
        source.resolve("2.0")
        source.resolve("2.0")
        settings.tag_ttl = 0
        source.resolve("2.0")
    assert [(exchange.method, exchange.status, exchange.from_cache) for exchange in told] == [
        ("GET", 200, False),
        ("GET", 200, True),
        ("GET", 304, True),
    ]
    assert told[0].transferred_bytes > 1000
    assert {exchange.transferred_bytes for exchange in told[1:]} == {0}
    source.resolve("1.0")
    assert len(told) == 3, "an observer was told of what came after its block"


def test_exchanges_of_the_threads_that_were_started_are_told(registry: SampleRegistry) -> None:
    inner: list[Exchange] = []
    outer: list[Exchange] = []
    with observed_by(outer.append):
        open_repository(registry).tags()
        with observed_by(inner.append):
            run_all(open_repository(registry).resolve, ["1.0", "2.0"], workers=2)
    assert sorted(exchange.url.rpartition("/")[2] for exchange in inner) == ["1.0", "2.0"]
    assert len(outer) == 3


def test_a_stream_is_told_with_the_bytes_that_came(registry: SampleRegistry) -> None:
    digest = registry.put_blob(b"x" * 1000)
    told: list[Exchange] = []
    with observed_by(told.append):
        open_repository(registry).small_blob(digest)
    assert [(exchange.url.rpartition("/")[2], exchange.status, exchange.transferred_bytes) for exchange in told] == [
        ("", 200, 2),
        (digest, 200, 1000),
    ]
