"""An observation says when a registry said what a tag points at, and none says twice what was said once."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry

SEEN = "SELECT tag, digest, observed_at FROM observations ORDER BY observed_at"


def seen(catalog: ocinb.Catalog) -> list[pd.Timestamp]:
    found: list[pd.Timestamp] = catalog.sql(SEEN)["observed_at"].tolist()
    return found


@pytest.fixture
def name(registry: SampleRegistry) -> str:
    settings.tag_ttl = 3600
    return registry.reference("demo/shop:1.0")


def test_what_was_pulled_is_noted_if_nothing_is_known_of_its_tag(name: str) -> None:
    ocinb.pull(name, platform="all", progress=False)
    with ocinb.Catalog() as catalog:
        settings.cache_dir /= "gone"
        settings.offline = True
        for _ in range(2):
            assert catalog.add(name)["outcome"].tolist() != ["failed"]
            assert len(seen(catalog)) == 1
        catalog.sql("UPDATE observations SET digest = 'sha256:other'")
        assert catalog.add(name)["outcome"].tolist() == ["present"]
        assert catalog.sql(SEEN)["digest"].tolist() == ["sha256:other"], "nobody says that it moved"


def at(minute: int) -> datetime:
    return datetime(2025, 1, 1, 0, minute, tzinfo=UTC)
