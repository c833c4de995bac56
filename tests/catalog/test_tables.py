"""The tables are those of the design, each thing stands in them once, and raw documents hash to their digests."""

from __future__ import annotations

import pandas as pd
import pytest

import ocinb
from ocinb.samples import SampleRegistry
from tests.frames.facts import NAMES, known

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


def counts(catalog: ocinb.Catalog) -> dict[str, int]:
    tables = catalog.tables()
    return {name: rows for name, rows in zip(tables["name"], tables["rows"], strict=True) if name in TABLES}


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


def test_one_more_platform_is_added_to_those_that_are_there(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    with ocinb.Catalog() as catalog:
        assert catalog.add(name, platform="arm64")["images"].tolist() == [1]
        assert catalog.sql("SELECT platform FROM images")["platform"].tolist() == ["linux/arm64"]
        assert catalog.add(name)[["outcome", "images"]].iloc[0].tolist() == ["added", 2]
        assert catalog.add(name, platform="amd64")["outcome"].tolist() == ["present"]
        assert len(catalog.sql("FROM images")) == 2


def test_fetched_bytes_are_those_that_came(registry: SampleRegistry) -> None:
    with ocinb.Catalog() as catalog, ocinb.trace() as trace:
        added = catalog.add(registry.reference("demo/shop:2.0"))
        documents = catalog.sql(
            "SELECT sum(strlen(raw)) AS n FROM (SELECT raw FROM manifests UNION ALL SELECT raw FROM configs)"
        )
    assert added["fetched_bytes"].tolist() == [trace.frame["transferred_bytes"].sum()]
    assert added["fetched_bytes"][0] == documents["n"][0]
