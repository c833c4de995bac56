"""What became of a tag since it was added is told, and only what was learned."""

from __future__ import annotations

import shutil

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry

SEEN = "SELECT tag, digest FROM observations ORDER BY observed_at"


@pytest.fixture
def catalog() -> ocinb.Catalog:
    settings.tag_ttl = 0
    return ocinb.Catalog()


@pytest.mark.parametrize("name", ["demo/shop:9.9", "demo/none:1.0", "demo/shop@sha256:" + "0" * 64])
def test_what_never_was_there_is_no_observation(registry: SampleRegistry, catalog: ocinb.Catalog, name: str) -> None:
    assert catalog.add(registry.reference(name))["outcome"].tolist() == ["failed"]
    assert catalog.sql(SEEN).empty


def test_what_was_added_by_its_digest_counts_no_more_when_it_is_gone(
    registry: SampleRegistry, catalog: ocinb.Catalog
) -> None:
    shop, hello = registry.reference("demo/shop:1.0"), registry.reference("demo/hello")
    [digest, other] = catalog.add([shop, hello])["digest"]
    names = [registry.reference(f"demo/{end}") for end in (f"shop@{digest}", f"shop:1.0@{digest}", f"hello@{other}")]
    catalog.add(names)
    registry.untag("demo/shop", "1.0")
    catalog.add(shop)
    assert set(catalog.sql("FROM repository_sizes")["repository"]) == {"demo/shop", "demo/hello"}
    shutil.rmtree(settings.store_dir)
    registry._content.repositories["demo/shop"].manifests.pop(digest)
    assert catalog.add(names)["outcome"].tolist() == ["failed", "failed", "present"]
    assert set(catalog.sql("FROM repository_sizes")["repository"]) == {"demo/hello"}
    assert set(catalog.sql("FROM layer_sharing")["repositories"]) == {1}
    assert catalog.sql("SELECT digest FROM tag_history ORDER BY ALL")["digest"].tolist() == sorted([digest, other])


def test_a_platform_that_is_not_there_says_nothing_of_the_tag(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    shop = registry.reference("demo/shop:1.0")
    catalog.add(shop)
    assert catalog.add(shop, platform="s390x")["outcome"].tolist() == ["failed"]
    assert catalog.sql(SEEN)["digest"].notna().all()
