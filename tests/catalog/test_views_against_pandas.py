"""Over all samples the views give what a slow reckoning with the raw documents gives."""

from __future__ import annotations

from typing import Any

import pandas as pd

import ocinb
from ocinb.samples import SampleRegistry
from tests.frames.facts import Fact, images, moment, records

NAMES = ["demo/base:12", "demo/hello:latest", "demo/nested:1", *(f"demo/shop:{tag}" for tag in ("1.0", "1.1", "2.0"))]


def everything(registry: SampleRegistry) -> list[tuple[str, Fact]]:
    return [(name, fact) for name in [*NAMES, "demo/shop:latest"] for fact in images(registry, name)]


def test_images_are_those_of_the_raw_documents(registry: SampleRegistry) -> None:
    expected: dict[str, dict[str, Any]] = {}
    for name, fact in everything(registry):
        reference = registry.reference(name)
        known = expected.get(fact.digest)
        expected[fact.digest] = {
            "manifest_digest": fact.digest,
            "reference": min(reference, known["reference"]) if known else reference,
            "platform": fact.platform,
            "os": fact.config["os"],
            "architecture": fact.config["architecture"],
            "variant": fact.config.get("variant"),
            "config_digest": fact.manifest["config"]["digest"],
            "created": moment(fact.config["created"]),
            "user": fact.config["config"].get("User"),
            "labels": fact.config["config"].get("Labels", {}),
            "distribution": None,
            "layers": len(fact.manifest["layers"]),
            "compressed_bytes": sum(layer["size"] for layer in fact.manifest["layers"]),
            "tar_bytes": None,
            "files": None,
        }
    with ocinb.Catalog() as catalog:
        catalog.add([registry.reference(name) for name in [*NAMES, "demo/shop:latest", "demo/chart:0.1"]])
        rows = records(catalog.sql("FROM images"))
    assert len(rows) == len(expected) == 12
    assert {row["manifest_digest"]: row for row in rows} == expected


def test_sharing_is_that_of_the_raw_documents(registry: SampleRegistry) -> None:
    uses = pd.DataFrame(
        [
            {
                "layer_digest": layer["digest"],
                "size": layer["size"],
                "image": fact.digest,
                "repository": name.partition(":")[0],
            }
            for name, fact in everything(registry)
            for layer in fact.manifest["layers"]
        ]
    )
    grouped = uses.groupby("layer_digest")
    expected = pd.DataFrame(
        {
            "compressed_bytes": grouped["size"].first(),
            "images": grouped["image"].nunique(),
            "repositories": grouped["repository"].nunique(),
        }
    )
    expected["saved_bytes"] = (expected["images"] - 1) * expected["compressed_bytes"]
    with ocinb.Catalog() as catalog:
        catalog.add([registry.reference(name) for name in [*NAMES, "demo/shop:latest"]])
        shared = catalog.sql("FROM layer_sharing").set_index("layer_digest").sort_index()
        told = catalog.sql(
            "SELECT reference, list(DISTINCT layer_digest) AS of_it FROM images "
            "JOIN manifest_layers USING (manifest_digest) GROUP BY reference"
        )
        total = catalog.sql("SELECT sum(saved_bytes) AS saved FROM layer_sharing")
    figures = shared[list(expected)]
    pd.testing.assert_frame_equal(figures, expected.sort_index(), check_dtype=False, check_index_type=False)
    assert total["saved"].tolist() == [expected["saved_bytes"].sum()]
    having = dict(zip(told["reference"], told["of_it"], strict=True))
    assert all(digest in having[reference] for digest, reference in shared["reference"].items())
    frame = ocinb.layers([registry.reference(name) for name in NAMES], platform="all")
    steps = frame.groupby("digest")["instruction"].agg(set)
    assert all(step in steps[str(digest)] for digest, step in shared["instruction"].items())


def test_layers_keep_their_order(registry: SampleRegistry) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add([registry.reference(name) for name in NAMES])
        stored = catalog.sql("SELECT manifest_digest, layer, layer_digest FROM manifest_layers ORDER BY ALL")
    stacks = stored.groupby("manifest_digest")["layer_digest"].agg(list).to_dict()
    assert stacks == {
        fact.digest: [layer["digest"] for layer in fact.manifest["layers"]] for _, fact in everything(registry)
    }
    assert all(group.tolist() == list(range(len(group))) for _, group in stored.groupby("manifest_digest")["layer"])
