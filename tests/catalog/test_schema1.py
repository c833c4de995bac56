"""Images of schema 1 are in the catalogue; what they leave unknown makes no sum wrong, and others may complete it."""

from __future__ import annotations

import hashlib

import pytest

import ocinb
from ocinb.samples import SampleRegistry
from tests.documents import REPOSITORY, layer, put_image, put_schema1
from tests.frames.facts import records
from tests.spec.signing import Step

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
