"""Whoever observes is told of every exchange, why it was sent, and of no secret."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocinb._pool import run_all
from ocinb._settings import settings
from ocinb.errors import TransportError
from ocinb.network.exchange import Exchange, observed_by
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import default_session
from tests.sources.servers import closed_port, open_host
from tests.transferring import BLOB, blob_path, describe, open_repository


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
    assert told[1].reason == f"blob sha256:{digest[7:19]}"


def test_the_way_to_a_token_is_told_step_by_step(private: SampleRegistry) -> None:
    told: list[Exchange] = []
    with observed_by(told.append):
        open_repository(private).resolve("2.0")
    refused, token, opened = told
    assert [exchange.status for exchange in told] == [401, 200, 200]
    assert [exchange.reason for exchange in told] == [
        "manifest 2.0",
        "token for repository:demo/shop:pull",
        "manifest 2.0, again with authorization",
    ]
    assert "authorization" not in refused.request_headers
    assert refused.response_headers["www-authenticate"].startswith('Bearer realm="http://')
    assert token.request_headers["authorization"] == "Basic ***"
    assert opened.request_headers["authorization"] == "Bearer ***"
    assert token.token_claims is not None
    assert token.token_claims["access"] == [{"type": "repository", "name": "demo/shop", "actions": ["pull"]}]
    assert (refused.token_claims, opened.token_claims) == (None, None)
    spoken = [(request.header("Authorization") or "").partition(" ")[2] for request in private.requests]
    for secret in ["s3cret-of-ada", *filter(None, spoken)]:
        assert secret not in repr(told)
        assert secret.rpartition(".")[2] not in repr(told)


def test_each_retry_and_each_hop_is_told_also_where_no_answer_comes(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    settings.retries = 2
    path = blob_path(describe(BLOB))
    registry.fault(path, status=503)
    registry.fault(path, drop=True)
    registry.fault(path, status=307, headers={"Location": "?X-Signature=hidden"}, times=1)
    told: list[Exchange] = []
    source = open_repository(registry)
    source.tags()
    with observed_by(told.append), source.open_blob(describe(BLOB)) as blob:
        assert sum(map(len, blob.chunks())) == len(BLOB)
    name = f"blob sha256:{describe(BLOB).digest[7:19]}"
    assert [(exchange.status, exchange.reason) for exchange in told] == [
        (503, name),
        (None, f"{name}, retry 1 after 503"),
        (307, f"{name}, retry 2 after no answer"),
        (200, f"{name}, redirect 1"),
    ]
    assert told[1].response_headers == {}
    assert told[2].response_headers["location"] == "?X-Signature=***"
    assert [exchange.transferred_bytes for exchange in told][1:] == [0, 0, len(BLOB)]
    assert all(exchange.seconds >= 0 for exchange in told)
    assert "hidden" not in repr(told)


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


def test_an_answer_that_is_too_long_is_told_with_its_status(registry: SampleRegistry) -> None:
    settings.max_list_bytes = 10
    told: list[Exchange] = []
    with observed_by(told.append), pytest.raises(ValueError, match="larger than the limit"):
        open_repository(registry).tags()
    assert [exchange.status for exchange in told] == [200]
    assert told[0].transferred_bytes > 10


def test_where_nobody_observes_nothing_is_made_ready(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr("ocinb.network.connections.Watch", lambda *arguments: made.append(arguments))
    assert open_repository(registry).tags()
    assert made == []
    assert default_session().endpoint(registry.host).rate is None
