"""What became of a tag since it was added is told, and only what was learned."""

from __future__ import annotations

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry

SEEN = "SELECT tag, digest FROM observations ORDER BY observed_at"


@pytest.fixture
def catalog() -> ocinb.Catalog:
    settings.tag_ttl = 0
    return ocinb.Catalog()


def test_a_tag_that_is_gone_points_at_nothing_now(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    shop = registry.reference("demo/shop:1.0")
    [digest] = catalog.add(shop)["digest"]
    registry.untag("demo/shop", "1.0")
    assert catalog.add(shop)["outcome"].tolist() == ["failed"]
    assert catalog.sql(SEEN)["digest"].fillna("gone").tolist() == [digest, "gone"]
    assert catalog.sql("FROM current_names").empty
    assert catalog.sql("FROM layer_sharing").empty
    assert not catalog.sql("SELECT reference FROM images")["reference"].str.endswith(":1.0").any()
    assert catalog.add(shop)["outcome"].tolist() == ["failed"]
    assert len(catalog.sql(SEEN)) == 2, "it is gone once"
    assert len(catalog.sql("FROM failures")) == 2


@pytest.mark.parametrize("name", ["demo/shop:9.9", "demo/none:1.0", "demo/shop@sha256:" + "0" * 64])
def test_what_never_was_there_is_no_observation(registry: SampleRegistry, catalog: ocinb.Catalog, name: str) -> None:
    assert catalog.add(registry.reference(name))["outcome"].tolist() == ["failed"]
    assert catalog.sql(SEEN).empty


def test_a_platform_that_is_not_there_says_nothing_of_the_tag(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    shop = registry.reference("demo/shop:1.0")
    catalog.add(shop)
    assert catalog.add(shop, platform="s390x")["outcome"].tolist() == ["failed"]
    assert catalog.sql(SEEN)["digest"].notna().all()


def test_a_registry_that_fails_says_nothing_of_the_tag(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    shop = registry.reference("demo/shop:1.0")
    catalog.add(shop)
    ocinb.settings.retries = 0
    registry.fault("*/manifests/*", status=503)
    assert catalog.add(shop)["outcome"].tolist() == ["failed"]
    assert catalog.sql(SEEN)["digest"].notna().all()
