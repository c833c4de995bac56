"""How much a registry gives is asked in a way that costs nothing of it."""

from __future__ import annotations

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import RateLimitError, TransportError
from ocinb.samples import SampleRegistry
from tests.internet import Internet

RATES = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"}
PREVIEW = "/v2/ratelimitpreview/test/manifests/latest"


@pytest.fixture
def hub(registry: SampleRegistry, internet: Internet, monkeypatch: pytest.MonkeyPatch) -> SampleRegistry:
    """Let the registry be Docker Hub."""
    host = internet.serve("registry-1.docker.io", registry.host)
    monkeypatch.setattr("ocinb.sources.endpoint.HUB_HOST", host)
    settings.insecure_registries = (host,)
    return registry


def test_hub_is_asked_by_the_head_that_it_does_not_count(hub: SampleRegistry) -> None:
    hub.fault(PREVIEW, method="HEAD", status=200, body=b"", headers=RATES, times=None)
    frame = ocinb.rate_limit("docker.io")
    assert frame.iloc[0, :4].tolist() == ["docker.io", 100, 76, 21600]
    assert pd.isna(frame["reset_at"][0])
    assert [(request.method, request.path) for request in hub.requests] == [("HEAD", PREVIEW)]
    ocinb.rate_limit("docker.io")
    assert len(hub.requests) == 2, "it is asked each time: others use what is left as well"


def test_hub_that_is_used_up_says_so(hub: SampleRegistry) -> None:
    settings.retries = 0
    used_up = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}
    hub.fault(PREVIEW, method="HEAD", status=429, headers=used_up, times=None)
    assert ocinb.rate_limit("docker.io")["remaining"].tolist() == [0]


def test_hub_that_does_not_even_say_that(hub: SampleRegistry) -> None:
    settings.retries = 0
    hub.fault(PREVIEW, method="HEAD", status=429, times=None)
    with pytest.raises(RateLimitError):
        ocinb.rate_limit("docker.io")


def test_of_others_it_is_told_what_they_said_last(registry: SampleRegistry) -> None:
    registry.fault("*/tags/list*", headers=RATES)
    ocinb.tags(registry.reference("demo/shop"))
    assert ocinb.rate_limit(registry.host)["remaining"].tolist() == [76]
    assert len(registry.requests) == 1


def test_one_that_fails_can_be_skipped(registry: SampleRegistry) -> None:
    registry.fault("/v2/", status=400, times=None)
    with pytest.raises(TransportError):
        ocinb.rate_limit(registry.host)
    frame = ocinb.rate_limit([registry.host], errors="skip")
    assert len(frame) == 0
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [registry.host]


def test_offline_nobody_can_tell(registry: SampleRegistry) -> None:
    settings.offline = True
    with pytest.raises(TransportError, match=f"offline, and what {registry.host} still gives only it can tell"):
        ocinb.rate_limit(registry.host)
    assert not registry.requests
