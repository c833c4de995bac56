"""What tags point at now is asked for each time, recorded, and told beside what they pointed at before."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb import settings
from ocinb.errors import InvalidError
from ocinb.samples import SampleRegistry
from tests.frames.facts import records

SHOP = [f"demo/shop:{tag}" for tag in ("1.0", "1.1", "2.0")]


def seen(catalog: ocinb.Catalog) -> list[tuple[object, ...]]:
    frame = catalog.sql("SELECT tag, digest FROM observations ORDER BY observed_at")
    return [(row["tag"], row["digest"]) for row in records(frame)]


def digest_of(registry: SampleRegistry, name: str) -> str:
    return str(ocinb.document(registry.reference(name)).digest)


def test_what_fails_has_no_row_but_is_told(registry: SampleRegistry, caplog: pytest.LogCaptureFixture) -> None:
    good, never = registry.reference(SHOP[0]), registry.reference("demo/shop:1.O")
    digest = f"{registry.reference('demo/shop')}@{digest_of(registry, SHOP[0])}"
    with ocinb.Catalog() as catalog:
        frame = catalog.observe([never, good, "No Name", digest, None])  # type: ignore[list-item]
        failed = catalog.sql("SELECT reference, stage, error FROM failures")
        assert [tag for tag, _ in seen(catalog)] == ["1.0"]
    assert frame["reference"].tolist() == [good]
    told = frame.attrs["failures"]
    assert [failure["reference"] for failure in told] == [never, "No Name", digest, "None"]
    assert [failure["error"] for failure in told] == failed["error"].tolist()
    for failure, word in zip(told, ("ocinb.tags(", "is not a reference", "never moves", "is not a name"), strict=True):
        assert word in failure["error"]
    assert failed["stage"].tolist() == ["observe"] * 4
    assert len(caplog.records) == 1


def test_nobody_reached_is_no_observation(registry: SampleRegistry) -> None:
    name = registry.reference(SHOP[0])
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        settings.offline = True
        frame = catalog.observe(name)
        assert (len(frame), len(seen(catalog))) == (0, 1)
        assert "offline" in frame.attrs["failures"][0]["error"]
        settings.offline = False
        fault = registry.fault("*/manifests/1.0", method="HEAD", times=None, status=500)
        assert len(catalog.observe(name)) == 0
        fault.cancel()
        assert catalog.add(name)["outcome"].tolist() == ["present"], "what was believed still is"


def test_names_in_a_file_are_observed(registry: SampleRegistry, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    ocinb.pull(registry.reference("demo/hello"), destination=folder, progress=False)
    name = f"oci:{folder}:{registry.reference('demo/hello:latest')}"
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        assert catalog.observe([name, f"oci:{folder}"])["digest"].tolist() == [digest_of(registry, "demo/hello")] * 2
        (folder / "index.json").unlink()
        assert len(catalog.observe(f"oci:{folder}:never").attrs["failures"]) == 1


@pytest.mark.parametrize("fault", [{"status": 405}, {"headers": {"Docker-Content-Digest": None}}])
def test_a_registry_that_says_no_digest_or_knows_no_head(registry: SampleRegistry, fault: dict[str, Any]) -> None:
    name, new = registry.reference(SHOP[0]), digest_of(registry, SHOP[1])
    settings.tag_ttl = 3600
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        registry.tag("demo/shop", "1.0", new)
        struck = registry.fault("*/manifests/1.0", method="HEAD", times=None, **fault)
        assert catalog.observe(name)["digest"].tolist() == [new]
        assert struck.hits == 1
        assert catalog.add(name)["digest"].tolist() == [new]


def test_all_is_recorded_or_nothing(registry: SampleRegistry) -> None:
    names = [registry.reference(name) for name in SHOP]
    with ocinb.Catalog() as catalog:
        catalog.sql("DROP TABLE failures")
        with pytest.raises(InvalidError, match="failures"):
            catalog.observe([*names, "No Name"])
        assert seen(catalog) == []


SEEN = "SELECT tag, digest, observed_at FROM observations ORDER BY observed_at"


def seen_of_observed_at(catalog: ocinb.Catalog) -> list[pd.Timestamp]:
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
            assert len(seen_of_observed_at(catalog)) == 1
        catalog.sql("UPDATE observations SET digest = 'sha256:other'")
        assert catalog.add(name)["outcome"].tolist() == ["present"]
        assert catalog.sql(SEEN)["digest"].tolist() == ["sha256:other"], "nobody says that it moved"


def at(minute: int) -> datetime:
    return datetime(2025, 1, 1, 0, minute, tzinfo=UTC)
