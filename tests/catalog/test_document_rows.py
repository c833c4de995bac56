"""The tables are those of the design, each thing stands in them once, and raw documents hash to their digests."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from tests.catalog.laying import put_stack
from tests.catalog.test_ingest_files import stack
from tests.documents import REPOSITORY, layer, put_image, put_schema1
from tests.frames.facts import NAMES, known, records
from tests.spec.signing import Step

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


TEXTS = [
    "",
    " ",
    "a.b/c",
    "$",
    "$.a",
    '"quoted"',
    "'; DROP TABLE layers; --",
    "back\\slash",
    "NULL",
    "{key}",
    "[0]",
    "\x00",
    "nul\x00inside",
    "line\nanother\r\u2028",
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "\U0001f40b",
    "e\u0301",
    "\u00e9",
    "\ufeff",
    "\ufffe\uffff",
    "x" * 100_000,
]


def test_a_hostile_name_that_fails_is_told(registry: SampleRegistry) -> None:
    names = ["\x1b[2J", "nul\x00", "lone \ud800", "'; DROP TABLE layers; --", "<script>"]
    with ocinb.Catalog() as catalog:
        added = catalog.add([*names, registry.reference("demo/hello")])
        failures = catalog.sql("FROM failures")
    assert added["outcome"].tolist() == ["failed"] * 5 + ["added"]
    assert added["reference"].tolist()[:5] == names
    assert failures["reference"].tolist() == [name.replace("\ud800", r"\ud800") for name in names]
    assert all(text.isprintable() for text in failures["error"])


SHARED, OTHER = layer("shared"), layer("other")


def put_both(registry: SampleRegistry) -> tuple[str, str]:
    """Put an image of schema 1 with two layers, and one of today that has the first of them."""
    more = (("os", "linux"), ("architecture", "amd64"), ("config", {"User": "app"}))
    put_schema1(registry, Step(["sh", "-c", "one"], SHARED.digest), Step(["sh"]), Step(["two"], OTHER.digest, more))
    put_image(registry, SHARED, tag="new")
    return registry.reference(f"{REPOSITORY}:old"), registry.reference(f"{REPOSITORY}:new")


def test_it_is_an_image_with_unknown_sizes(registry: SampleRegistry) -> None:
    old, _ = put_both(registry)
    with ocinb.Catalog(":memory:") as catalog:
        assert catalog.add(old)["outcome"].tolist() == ["added"]
        assert catalog.add(old)["outcome"].tolist() == ["present"]
        [image] = records(catalog.sql("FROM images"))
        assert (image["reference"], image["platform"], image["user"], image["layers"]) == (old, "linux/amd64", "app", 2)
        assert image["compressed_bytes"] is None
        assert catalog.sql("SELECT empty_layer FROM history ORDER BY position")["empty_layer"].tolist() == [
            False,
            True,
            False,
        ]
        [config] = records(catalog.sql("SELECT config_digest, raw FROM configs"))
        assert config["config_digest"] == f"sha256:{hashlib.sha256(config['raw'].encode()).hexdigest()}"
        [manifest] = records(catalog.sql("SELECT raw FROM manifests"))
        assert manifest["raw"].encode() == ocinb.document(old).raw
        assert catalog.sql("SELECT saved_bytes FROM layer_sharing")["saved_bytes"].isna().all()


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("together", [True, False])
def test_a_size_that_another_image_says_is_known_whatever_came_first(
    registry: SampleRegistry, first: int, *, together: bool
) -> None:
    both = put_both(registry)
    names = [both[first], both[1 - first]]
    with ocinb.Catalog(":memory:") as catalog:
        for added in [names] if together else names:
            catalog.add(added)
        layers = {row["layer_digest"]: row for row in records(catalog.sql("FROM layers"))}
        assert layers[SHARED.digest]["compressed_bytes"] == len(SHARED.raw)
        assert layers[SHARED.digest]["compression"] == "gzip"
        assert layers[SHARED.digest]["diff_id"] == SHARED.diff_id
        assert layers[OTHER.digest]["compressed_bytes"] is None
        sizes = {row["reference"]: row["compressed_bytes"] for row in records(catalog.sql("FROM images"))}
        assert sizes == {both[0]: None, both[1]: len(SHARED.raw)}, "half a sum is none"
        shared = records(catalog.sql("FROM layer_sharing WHERE images = 2"))
        assert [(row["layer_digest"], row["saved_bytes"]) for row in shared] == [(SHARED.digest, len(SHARED.raw))]


ODD_NAMES = [
    "new\nline",
    "quo'te\"s",
    "\u202eright",
    "<script>",
    "caf\u00e9",
    "\\x41",
    "a" * 3000,
    "; DROP TABLE files",
]


def test_what_passes_a_limit_fails_alone(registry: SampleRegistry) -> None:
    names = [put_stack(registry, stack(), "many"), put_stack(registry, [make_layer([file("a")])], "few")]
    ocinb.settings.max_tar_entries = 3
    with ocinb.Catalog() as catalog:
        added = catalog.add(names, depth="files")
        assert added["outcome"].tolist() == ["failed", "added"]
        assert "max_tar_entries" in added["error"][0]
        with pytest.raises(InvalidError, match="max_tar_entries"):
            ocinb.files(names[0])
