"""The tables are those of the design, each thing stands in them once, and raw documents hash to their digests."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.catalog.column_docs import HELPERS
from ocinb.catalog.ingest import BATCH
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from tests.catalog.making import sha256
from tests.frames.facts import NAMES, images, known, records

TEXT, NUMBER, TIME, MAP = "VARCHAR", "BIGINT", "TIMESTAMP WITH TIME ZONE", "MAP(VARCHAR, VARCHAR)"
OTHERS = {
    "position": NUMBER,
    "layer": NUMBER,
    "files": NUMBER,
    "mode": NUMBER,
    "uid": NUMBER,
    "gid": NUMBER,
    "hidden_in": NUMBER,
    "stored_in": NUMBER,
    "grown_in": NUMBER,
    "first_seen": TIME,
    "last_seen": TIME,
    "value": "DOUBLE",
    "created": TIME,
    "mtime": TIME,
    "annotations": MAP,
    "labels": MAP,
    "env": MAP,
    "entrypoint": "VARCHAR[]",
    "cmd": "VARCHAR[]",
    "empty_layer": "BOOLEAN",
    "visible": "BOOLEAN",
    "hidden": "BOOLEAN",
    "outdated": "BOOLEAN",
}
TABLES = {
    "observations": "registry repository tag digest observed_at",
    "manifests": "manifest_digest media_type artifact_type kind config_digest subject manifest_bytes raw indexed_at "
    "distribution",
    "index_entries": "index_digest position manifest_digest kind os architecture variant os_version annotations",
    "configs": "config_digest created os architecture variant user entrypoint cmd env labels raw",
    "manifest_layers": "manifest_digest layer layer_digest diff_id chain_id instruction",
    "history": "manifest_digest position layer empty_layer instruction created_by created",
    "layers": "layer_digest media_type compression compressed_bytes tar_bytes diff_id files indexed_at",
    "files": "layer_digest position path type size_bytes mode uid gid mtime link_target sha256",
    "overlay": "manifest_digest layer position change visible hidden hidden_in reason",
    "referrers": "registry repository subject referrer_digest media_type artifact_type manifest_bytes annotations "
    "found_via",
    "failures": "reference stage error failed_at",
}
VIEWS = {
    "images": "manifest_digest reference platform os architecture variant config_digest created user labels "
    "distribution layers compressed_bytes tar_bytes files",
    "layer_sharing": "layer_digest compressed_bytes images repositories saved_bytes reference instruction",
    "tags": "registry repository tag reference digest manifest_digest platform created compressed_bytes observed_at",
    "registry_sizes": "registry repositories tags images logical_bytes deduplicated_bytes",
    "repository_sizes": "registry repository tags images logical_bytes deduplicated_bytes unique_bytes",
    "tag_sizes": "registry repository tag digest platforms logical_bytes reclaimable_bytes",
    "base_images": "manifest_digest reference platform base_digest base_reference base_layers annotated_name "
    "annotated_digest outdated",
    "layer_files": "manifest_digest layer change visible layer_digest position path type size_bytes mode uid gid mtime "
    "link_target sha256",
    "hidden_files": "manifest_digest reference platform path hidden_bytes reason stored_in stored_by hidden_in "
    "hidden_by",
    "file_duplicates": "sha256 size_bytes copies layers duplicate_bytes example_path",
    "tag_history": "registry repository tag digest previous_digest first_seen last_seen",
    "size_history": "registry repository tag platform created compressed_bytes delta_bytes grown_in grown_by "
    "grown_bytes",
    "registry_summary": "figure value unit definition",
}


def type_of(column: str) -> str:
    if column.endswith("_at"):
        return TIME
    return OTHERS.get(column) or (NUMBER if column.endswith("_bytes") else TEXT)


def counts(catalog: ocinb.Catalog) -> dict[str, int]:
    tables = catalog.tables()
    return {name: rows for name, rows in zip(tables["name"], tables["rows"], strict=True) if name in TABLES}


@pytest.mark.parametrize("table", TABLES)
def test_tables_have_the_columns_of_the_design(table: str) -> None:
    with ocinb.Catalog() as catalog:
        described = catalog.sql(f"DESCRIBE {table}")
    assert dict(zip(described["column_name"], described["column_type"], strict=True)) == {
        column: type_of(column) for column in TABLES[table].split()
    }
    assert described["column_name"].tolist() == TABLES[table].split()


@pytest.mark.parametrize("view", VIEWS)
def test_views_have_the_columns_of_the_design(view: str) -> None:
    numbers = {"layers", "images", "repositories", "tags", "platforms", "base_layers", "copies"}
    with ocinb.Catalog() as catalog:
        described = catalog.sql(f"DESCRIBE {view}")
    assert dict(zip(described["column_name"], described["column_type"], strict=True)) == {
        column: NUMBER if column in numbers else type_of(column) for column in VIEWS[view].split()
    }


def test_every_table_and_view_is_described(registry: SampleRegistry) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add([registry.reference(name) for name in NAMES])
        tables = catalog.tables()
        tables = tables[tables["kind"] != "macro"]
        there = catalog.sql("SELECT table_name FROM information_schema.tables")
        assert sorted(tables["name"]) == sorted({*there["table_name"]} - HELPERS) == sorted({*TABLES, *VIEWS})
        for row in records(tables):
            stored = catalog.sql(f"FROM {row['name']}").shape[0] if row["name"] in TABLES else None
            assert row["rows"] == stored
            assert row["description"]
            assert row["kind"] == ("table" if row["name"] in TABLES else "view")
    assert {column: str(dtype) for column, dtype in tables.dtypes.items()} == {
        "name": "str",
        "kind": "str",
        "rows": "Int64",
        "description": "str",
    }


@pytest.mark.parametrize("name", NAMES)
def test_raw_documents_hash_to_their_digests(registry: SampleRegistry, name: str) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add(registry.reference(name))
        raw = catalog.sql(
            "SELECT manifest_digest AS digest, raw, manifest_bytes AS size FROM manifests "
            "UNION ALL SELECT config_digest, raw, NULL FROM configs"
        )
        by_itself = catalog.sql("SELECT bool_and(manifest_digest = 'sha256:' || sha256(raw)) AS same FROM manifests")
    assert [sha256(text) for text in raw["raw"]] == raw["digest"].tolist()
    sizes = raw.dropna(subset="size")
    assert [len(text.encode()) for text in sizes["raw"]] == sizes["size"].tolist()
    assert by_itself["same"].tolist() == [True]


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_say_what_the_frames_say(registry: SampleRegistry, name: str) -> None:
    reference = registry.reference(name)
    with ocinb.Catalog() as catalog:
        catalog.add(reference)
        stored = {
            "manifests": catalog.sql(
                "SELECT index_digest, position, kind, os, architecture, variant, os_version, "
                "manifest_digest AS digest, annotations FROM index_entries"
            ),
            "layers": catalog.sql(
                "SELECT manifest_digest, layer, layer_digest AS digest, m.diff_id, chain_id, media_type, compression, "
                "compressed_bytes, tar_bytes, files, instruction "
                "FROM manifest_layers AS m JOIN layers USING (layer_digest)"
            ),
            "history": catalog.sql("SELECT * FROM history"),
            "configs": catalog.sql(
                'SELECT config_digest AS digest, created, os, architecture, variant, "user", entrypoint, cmd, env, '
                "labels FROM configs"
            ),
        }
    frames = {
        "manifests": ocinb.manifests(reference).dropna(subset="index_digest"),
        "layers": ocinb.layers(reference, platform="all"),
        "history": ocinb.history(reference, platform="all"),
        "configs": ocinb.configs(reference, platform="all").drop_duplicates("digest"),
    }
    for table, rows in stored.items():
        assert as_set(rows) == as_set(frames[table][list(rows)]), table
        assert len(rows) == len(frames[table])


def as_set(frame: pd.DataFrame) -> set[str]:
    return {repr([known(value) for value in row]) for row in frame.itertuples(index=False, name=None)}


@pytest.mark.parametrize("kept", [":memory:", "kept.duckdb"])
def test_adding_again_adds_an_observation_and_nothing_else(registry: SampleRegistry, tmp_path: Path, kept: str) -> None:
    settings.tag_ttl = 0
    names = [registry.reference(name) for name in NAMES]
    catalog = ocinb.Catalog(kept if kept == ":memory:" else tmp_path / kept)
    first = catalog.add(names)
    before = counts(catalog)
    again = catalog.add(names[::-1])
    assert counts(catalog) == before | {"observations": 2 * len(names)}
    assert (first["outcome"].unique().tolist(), again["outcome"].unique().tolist()) == (["added"], ["present"])
    assert first["digest"].tolist() == again["digest"].tolist()[::-1]
    assert again["fetched_bytes"].sum() == 0


def test_one_more_platform_is_added_to_those_that_are_there(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    with ocinb.Catalog() as catalog:
        assert catalog.add(name, platform="arm64")["images"].tolist() == [1]
        assert catalog.sql("SELECT platform FROM images")["platform"].tolist() == ["linux/arm64"]
        assert catalog.add(name)[["outcome", "images"]].iloc[0].tolist() == ["added", 2]
        assert catalog.add(name, platform="amd64")["outcome"].tolist() == ["present"]
        assert len(catalog.sql("FROM images")) == 2


def test_by_tag_by_digest_and_by_both(registry: SampleRegistry) -> None:
    digest = ocinb.document(registry.reference("demo/shop:2.0")).digest
    names = [registry.reference(f"demo/shop{end}") for end in (":2.0", f"@{digest}", f":2.0@{digest}")]
    with ocinb.Catalog() as catalog:
        added = catalog.add(names)
        seen = catalog.sql("SELECT registry, repository, tag, digest FROM observations ORDER BY observed_at")
    assert added["digest"].tolist() == [digest] * 3
    assert sorted(added["outcome"]) == ["added", "present", "present"]
    assert as_set(seen) == {repr([registry.host, "demo/shop", tag, digest]) for tag in ("2.0", None)}
    assert sorted(seen["tag"].isna()) == [False, True], "a digest says nothing about what its tag points at"


def test_the_result_has_a_row_for_each_name_in_their_order(registry: SampleRegistry) -> None:
    shop, hello, gone = (registry.reference(f"demo/{name}") for name in ("shop:1.0", "hello", "gone:1"))
    with ocinb.Catalog() as catalog:
        added = catalog.add([hello, gone, shop, "No Name", hello, None])  # type: ignore[list-item]
        failed = catalog.sql("SELECT reference, stage, error FROM failures")
    assert added["reference"].tolist() == [hello, gone, shop, "No Name", "None"]
    assert added["outcome"].tolist() == ["added", "failed", "added", "failed", "failed"]
    assert added["images"].tolist() == [1, pd.NA, 2, pd.NA, pd.NA]
    assert added["digest"].isna().tolist() == added["error"].notna().tolist() == [False, True, False, True, True]
    assert failed["reference"].tolist() == [gone, "No Name", "None"]
    assert failed["error"].tolist() == added["error"].dropna().tolist()
    assert set(failed["stage"]) == {"metadata"}
    assert {column: str(dtype) for column, dtype in added.dtypes.items()} == {
        "reference": "str",
        "digest": "str",
        "outcome": "str",
        "images": "Int64",
        "fetched_bytes": "Int64",
        "error": "str",
    }


def test_fetched_bytes_are_those_that_came(registry: SampleRegistry) -> None:
    with ocinb.Catalog() as catalog, ocinb.trace() as trace:
        added = catalog.add(registry.reference("demo/shop:2.0"))
        documents = catalog.sql(
            "SELECT sum(strlen(raw)) AS n FROM (SELECT raw FROM manifests UNION ALL SELECT raw FROM configs)"
        )
    assert added["fetched_bytes"].tolist() == [trace.frame["transferred_bytes"].sum()]
    assert added["fetched_bytes"][0] > documents["n"][0], "the lists of referrers too"


def test_more_names_than_a_batch(registry: SampleRegistry) -> None:
    tags = [f"v{number}" for number in range(BATCH + 3)]
    for tag in tags:
        registry.put_image("demo/many", [make_layer([])], tag=tag, settings={"Labels": {"tag": tag}})
    names = [registry.reference(f"demo/many:{tag}") for tag in tags]
    with ocinb.Catalog() as catalog:
        added = catalog.add([*names[:5], "No Name", *names[5:]])
        assert added["reference"].tolist() == [*names[:5], "No Name", *names[5:]]
        assert counts(catalog)["configs"] == len(tags)
        assert counts(catalog)["layers"] == 1


def test_attestations_are_entries_and_nothing_more(registry: SampleRegistry) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add(registry.reference("demo/shop:2.0"))
        kinds = catalog.sql("SELECT kind FROM index_entries ORDER BY position")
        assert kinds["kind"].tolist() == ["image", "image", "attestation", "attestation"]
        assert counts(catalog)["manifests"] == 3
    assert {fact.platform for fact in images(registry, "demo/shop:2.0")} == {"linux/amd64", "linux/arm64"}


def test_adding_by_digest_asks_nobody_again(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    name = registry.reference("demo/shop:2.0")
    with ocinb.Catalog() as catalog:
        digest = catalog.add(name)["digest"][0]
        before = len(registry.requests)
        catalog.add(registry.reference(f"demo/shop@{digest}"))
        assert len(registry.requests) == before
        catalog.add(name)
        assert [request.status for request in registry.requests[before:]] == [304]


def test_no_names_add_nothing() -> None:
    with ocinb.Catalog() as catalog:
        assert len(catalog.add([])) == 0
        assert set(counts(catalog).values()) == {0}
