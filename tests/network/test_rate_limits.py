"""What a registry says of how much it gives is read in all spellings, and no nonsense is believed."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from ocinb.network.rate_limits import Rate, read_rate
from ocinb.samples import SampleRegistry
from ocinb.sources.session import default_session
from tests.transferring import BLOB, open_repository

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "rate"),
    [
        ({}, None),
        ({"docker-ratelimit-source": "192.0.2.1"}, None),
        (
            {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"},
            Rate(100, 76, 21600, None),
        ),
        ({"ratelimit-limit": "100; w = 60", "ratelimit-reset": "30"}, Rate(100, None, 60, NOW + timedelta(seconds=30))),
        ({"ratelimit-remaining": "0;w=60"}, Rate(None, 0, 60, None)),
        (
            {
                "x-ratelimit-limit": "5000",
                "x-ratelimit-remaining": "4999",
                "x-ratelimit-reset": str(int(NOW.timestamp())),
            },
            Rate(5000, 4999, None, NOW),
        ),
        ({"ratelimit-limit": "100, 100;w=60, 1000;w=3600"}, Rate(100, None, 60, None)),
        ({"ratelimit-limit": "10.0"}, Rate(10, None, None, None)),
        ({"ratelimit-limit": "many", "ratelimit-remaining": "-1"}, Rate(None, None, None, None)),
        ({"ratelimit-limit": "9" * 40, "ratelimit-reset": "9" * 15}, Rate(None, None, None, None)),
        ({"ratelimit-limit": "1\x00", "ratelimit-reset": "tomorrow"}, Rate(None, None, None, None)),
    ],
)
def test_rates(headers: dict[str, str], rate: Rate | None) -> None:
    assert read_rate(headers, NOW) == rate


def test_a_registry_is_remembered_by_what_it_said_last(registry: SampleRegistry) -> None:
    source, endpoint = open_repository(registry), default_session().endpoint(registry.host)
    registry.fault("*/tags/list*", headers={"RateLimit-Limit": "100;w=60", "RateLimit-Remaining": "9;w=60"})
    source.tags()
    assert endpoint.rate == Rate(100, 9, 60, None)
    source.resolve("2.0")
    assert endpoint.rate == Rate(100, 9, 60, None), "an answer without a word of it made it forget"
    digest = registry.put_blob(BLOB)
    registry.fault("*/blobs/*", headers={"RateLimit-Limit": "100;w=60", "RateLimit-Remaining": "8;w=60"})
    source.small_blob(digest)
    assert endpoint.rate == Rate(100, 8, 60, None)


def test_a_warning_is_logged_once(registry: SampleRegistry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ocinb")
    long = "x" * 5000
    registry.fault("*", method="*", headers={"Warning": f'299 - "we move \x1b[2J", 299 - "{long}"'}, times=None)
    source = open_repository(registry)
    source.tags()
    source.resolve("1.0")
    source.head("2.0")
    said = [record.getMessage() for record in caplog.records if "warns" in record.getMessage()]
    assert said == [f"{registry.host} warns: we move \\x1b[2J", f"{registry.host} warns: {'x' * 300}…"]
