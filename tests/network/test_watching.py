"""An exchange is told once, when it is over, as far as it came."""

from __future__ import annotations

import io

import pytest
import requests

from ocinb.errors import TransportError
from ocinb.network.exchange import Exchange, Watch, finish, observed_by
from ocinb.samples import SampleRegistry
from tests.transferring import BLOB, blob_path, describe, open_repository


def test_who_has_no_answer_has_no_status() -> None:
    told: list[Exchange] = []
    request = requests.Request("GET", "https://ada:pw@registry.example/v2/?sig=hidden").prepare()
    with observed_by(told.append):
        Watch(request, "why").over(None)
    [exchange] = told
    assert (exchange.status, exchange.transferred_bytes, exchange.reason) == (None, 0, "why")
    assert exchange.url == "https://registry.example/v2/?sig=***"
    assert exchange.response_headers == {}


def test_what_nobody_observes_is_only_closed() -> None:
    told: list[Exchange] = []
    response = requests.Response()
    response.raw = io.BytesIO(b"x")
    with observed_by(told.append):
        finish(response)
    assert told == []
    assert response.raw.closed


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
