"""Views give the figures that one works out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.catalog.making import descriptor, put_index, sized
from tests.frames.facts import records

# Layers are bare tars, so that their sizes are those of their bytes.
BASE, ONE, TWO, OTHER = sized("base", 1000), sized("one", 200), sized("two", 30), sized("other", 7)


@pytest.fixture
def catalog() -> Iterator[ocinb.Catalog]:
    settings.tag_ttl = 0
    with ocinb.Catalog() as made:
        yield made


def sharing(catalog: ocinb.Catalog) -> dict[str, tuple[Any, ...]]:
    rows = records(catalog.sql("FROM layer_sharing"))
    figures = ("compressed_bytes", "images", "repositories", "saved_bytes")
    return {row["layer_digest"]: tuple(row[name] for name in figures) for row in rows}


def image(catalog: ocinb.Catalog, digest: str) -> dict[str, Any]:
    [row] = records(catalog.sql("FROM images WHERE manifest_digest = ?", [digest]))
    return row


def test_a_shared_base_is_saved_once_for_each_further_image(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    one = registry.put_image("team/app", [BASE, ONE], tag="1")
    registry.put_image("team/app", [BASE, TWO], tag="2")
    registry.put_image("team/other", [BASE, OTHER], tag="1")
    catalog.add([registry.reference(name) for name in ("team/app:1", "team/app:2", "team/other:1")])
    assert sharing(catalog) == {
        BASE.digest: (1000, 3, 2, 2000),  # three images of one registry in two repositories: stored once, not thrice
        ONE.digest: (200, 1, 1, 0),
        TWO.digest: (30, 1, 1, 0),
        OTHER.digest: (7, 1, 1, 0),
    }
    row = image(catalog, one)
    assert (row["layers"], row["compressed_bytes"]) == (2, 1200)
    assert (row["tar_bytes"], row["files"], row["distribution"]) == (None, None, None), "nothing was read of the layers"


def test_a_layer_that_stands_twice_counts_twice_in_the_size_and_once_in_what_is_shared(
    registry: SampleRegistry, catalog: ocinb.Catalog
) -> None:
    digest = registry.put_image("team/app", [BASE, ONE, BASE], tag="1")
    catalog.add(registry.reference("team/app:1"))
    row = image(catalog, digest)
    assert (row["layers"], row["compressed_bytes"]) == (3, 2200)  # 1000 + 200 + 1000
    assert sharing(catalog) == {BASE.digest: (1000, 1, 1, 0), ONE.digest: (200, 1, 1, 0)}
    order = catalog.sql("SELECT layer, layer_digest FROM manifest_layers ORDER BY layer")
    assert order["layer_digest"].tolist() == [BASE.digest, ONE.digest, BASE.digest]
    assert order["layer"].tolist() == [0, 1, 2]


def test_two_tags_on_one_image_are_one_image(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    digest = registry.put_image("team/app", [BASE], tag="b")
    registry.tag("team/app", "a", digest)
    catalog.add([registry.reference("team/app:b"), registry.reference("team/app:a")])
    assert sharing(catalog) == {BASE.digest: (1000, 1, 1, 0)}
    assert image(catalog, digest)["reference"] == registry.reference("team/app:a"), "the first in the alphabet"


def test_one_image_in_two_repositories_is_one_image(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    registry.put_image("team/app", [BASE], tag="1")
    registry.put_image("team/copy", [BASE], tag="1")
    catalog.add([registry.reference("team/app:1"), registry.reference("team/copy:1")])
    assert sharing(catalog) == {BASE.digest: (1000, 1, 2, 0)}


def test_a_tag_that_moved_counts_where_it_points_now(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    name = registry.reference("team/app:1")
    old = registry.put_image("team/app", [BASE, ONE], tag="1")
    catalog.add(name)
    new = registry.put_image("team/app", [BASE, TWO], tag="1")
    catalog.add(name)
    assert sharing(catalog) == {BASE.digest: (1000, 1, 1, 0), TWO.digest: (30, 1, 1, 0)}, "the old image is gone"
    assert image(catalog, new)["reference"] == name
    assert image(catalog, old)["reference"] == registry.reference(f"team/app@{old}"), "but it can still be had"
    registry.tag("team/app", "1", old)
    catalog.add(name)
    assert set(sharing(catalog)) == {BASE.digest, ONE.digest}, "and back again"


def test_an_image_added_by_digest_counts_for_itself(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    registry.put_image("team/app", [BASE, ONE], tag="1")
    untagged = registry.put_image("team/app", [BASE, TWO])
    catalog.add([registry.reference("team/app:1"), registry.reference(f"team/app@{untagged}")])
    assert sharing(catalog)[BASE.digest] == (1000, 2, 1, 1000)  # two images, one of them without a tag
    assert image(catalog, untagged)["reference"] == registry.reference(f"team/app@{untagged}")


def test_nothing_is_saved_between_two_registries(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    with start_registry() as other:
        for place in (registry, other):
            place.put_image("team/app", [BASE, ONE], tag="1")
            place.put_image("team/app", [BASE, TWO], tag="2")
        other.put_image("team/app", [OTHER], tag="3")
        catalog.add([place.reference(f"team/app:{tag}") for place in (registry, other) for tag in ("1", "2")])
        catalog.add(other.reference("team/app:3"))
    assert sharing(catalog) == {
        BASE.digest: (1000, 2, 2, 2000),  # (2 - 1) images in the one registry, and (2 - 1) in the other
        ONE.digest: (200, 1, 2, 0),  # one image, in two registries: each has to store it
        TWO.digest: (30, 1, 2, 0),
        OTHER.digest: (7, 1, 1, 0),
    }


def test_attestations_do_not_count(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    real = registry.put_image("team/app", [BASE, ONE], tag="x")
    attesting = registry.put_image("team/app", [BASE, OTHER], tag="y", platform="unknown/unknown")
    children = [
        descriptor(registry, "team/app", real, platform={"os": "linux", "architecture": "amd64"}),
        descriptor(
            registry,
            "team/app",
            attesting,
            platform={"os": "unknown", "architecture": "unknown"},
            annotations={"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": real},
        ),
    ]
    put_index(registry, "team/app", children, "1")
    added = catalog.add(registry.reference("team/app:1"))
    assert added["images"].tolist() == [1]
    assert sharing(catalog) == {BASE.digest: (1000, 1, 1, 0), ONE.digest: (200, 1, 1, 0)}
    assert catalog.sql("SELECT manifest_digest FROM images")["manifest_digest"].tolist() == [real]
    by_digest = registry.reference(f"team/app@{attesting}")
    catalog.add(by_digest)
    assert image(catalog, attesting)["reference"] == by_digest, "it is none of those behind the tag, even if it is read"


def test_an_index_names_its_images(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    amd64 = registry.put_image("team/app", [BASE, ONE])
    arm64 = registry.put_image("team/app", [BASE, TWO], platform="linux/arm64/v8")
    children = [
        descriptor(registry, "team/app", digest, platform=platform)
        for digest, platform in (
            (amd64, {"os": "linux", "architecture": "amd64"}),
            (arm64, {"os": "linux", "architecture": "arm64", "variant": "v8"}),
        )
    ]
    inner = put_index(registry, "team/app", children, None)
    put_index(registry, "team/app", [descriptor(registry, "team/app", inner)], "1")
    catalog.add(registry.reference("team/app:1"))
    assert sharing(catalog)[BASE.digest] == (1000, 2, 1, 1000)  # both platforms have it, one registry stores it once
    assert [(image(catalog, digest)["platform"], image(catalog, digest)["reference"]) for digest in (amd64, arm64)] == [
        ("linux/amd64", registry.reference("team/app:1")),
        ("linux/arm64", registry.reference("team/app:1")),
    ]


def test_the_platform_is_what_the_index_says_else_the_config(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    said = registry.put_image("team/app", [ONE], platform="linux/arm", settings={"User": "a"})
    unsaid = registry.put_image("team/app", [ONE], platform="linux/arm64", settings={"User": "b"})
    children = [
        descriptor(registry, "team/app", said, platform={"os": "linux", "architecture": "arm", "variant": "v6"}),
        descriptor(registry, "team/app", unsaid),
    ]
    put_index(registry, "team/app", children, "1")
    catalog.add(registry.reference("team/app:1"))
    assert image(catalog, said)["platform"] == "linux/arm/v6"
    assert image(catalog, unsaid)["platform"] == "linux/arm64"
    frame = ocinb.configs(registry.reference("team/app:1"), platform="all")
    assert frame["platform"].tolist() == ["linux/arm/v6", "linux/arm64"]


def test_a_platform_is_never_pieced_together_from_two_indexes(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    digest = registry.put_image("team/app", [ONE], platform="linux/arm64/v8")
    first = {"os": "linux", "architecture": "arm64"}
    second = {"os": "linux", "architecture": "arm", "variant": "v6"}
    for tag, platform in (("1", first), ("2", second)):
        put_index(registry, "team/app", [descriptor(registry, "team/app", digest, platform=platform)], tag)
    catalog.add([registry.reference("team/app:1"), registry.reference("team/app:2")])
    assert image(catalog, digest)["platform"] in {"linux/arm64", "linux/arm/v6"}


def test_an_artifact_is_no_image(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    assert catalog.add(registry.reference("demo/chart:0.1"))["images"].tolist() == [0]
    assert (len(catalog.sql("FROM images")), len(sharing(catalog))) == (0, 0)
    assert len(catalog.sql("FROM manifest_layers")) == 1


def test_an_image_without_layers_has_the_size_zero(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    digest = registry.put_image("team/empty", [], tag="1")
    catalog.add(registry.reference("team/empty:1"))
    assert (image(catalog, digest)["layers"], image(catalog, digest)["compressed_bytes"]) == (0, 0)


def test_a_failure_is_no_image(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    catalog.add(registry.reference("team/gone:1"))
    assert len(catalog.sql("FROM observations")) == 0
    assert len(catalog.sql("FROM current_names")) == 0
