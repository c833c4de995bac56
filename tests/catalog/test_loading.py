"""What became of a tag since it was added is told, and only what was learned."""

from __future__ import annotations

import shutil

import duckdb
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.catalog import document_rows, ingest_documents
from ocinb.catalog.document_rows import Rows
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


def test_a_registry_that_fails_says_nothing_of_the_tag(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    shop = registry.reference("demo/shop:1.0")
    catalog.add(shop)
    ocinb.settings.retries = 0
    registry.fault("*/manifests/*", status=503)
    assert catalog.add(shop)["outcome"].tolist() == ["failed"]
    assert catalog.sql(SEEN)["digest"].notna().all()


def test_a_name_that_the_catalogue_refuses_keeps_no_other_out(
    registry: SampleRegistry, catalog: ocinb.Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [registry.reference(f"demo/{name}") for name in ("shop:1.0", "hello", "shop:2.0", "shop:2.0")]
    whole = document_rows.insert_all

    def insert_all(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
        if any(row["repository"] == "demo/hello" for row in rows.tables.get("observations", [])):
            raise duckdb.ConversionException("no such date")
        whole(connection, rows)

    monkeypatch.setattr(ingest_documents, "insert_all", insert_all)
    added = catalog.add(names)
    assert added["outcome"].tolist() == ["added", "failed", "added"]
    assert added["error"].dropna().str.contains("no such date").tolist() == [True]
    assert set(catalog.sql("FROM tags")["tag"]) == {"1.0", "2.0"}
