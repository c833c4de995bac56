"""An observation says when a registry said what a tag points at, and none says twice what was said once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

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


@pytest.mark.parametrize("offline", [False, True])
def test_what_was_not_asked_is_not_observed_now(name: str, *, offline: bool) -> None:
    ocinb.configs(name, platform="all")
    after = datetime.now(UTC)
    settings.offline = offline
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        [moment] = seen(catalog)
        assert moment <= after, "it was said before"
        for _ in range(2):
            catalog.add(name)
        assert seen(catalog) == [moment]


def test_an_answer_of_before_does_not_undo_what_was_observed_since(
    registry: SampleRegistry, name: str, tmp_path: Path
) -> None:
    old = ocinb.document(name).digest
    ocinb.configs(name, platform="all")
    new = ocinb.document(registry.reference("demo/shop:1.1")).digest
    registry.tag("demo/shop", "1.0", new)
    with ocinb.Catalog() as catalog:
        kept, settings.cache_dir = settings.cache_dir, tmp_path / "another cache"
        catalog.observe(name)
        settings.cache_dir = kept
        settings.offline = True
        assert catalog.add(name)["digest"].tolist() == [old], "which is all that is known offline"
        assert catalog.sql(SEEN)["digest"].tolist() == [old, new]
        assert catalog.sql("SELECT digest FROM current_names")["digest"].tolist() == [new]


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
