"""platform= takes what people write, and says what there is when it is not there."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_image as build
from ocinb.samples.images import make_index, make_json, make_layer
from ocinb.spec.mediatypes import OCI_INDEX, OCI_MANIFEST

AMD64, ARM64, ARM = "linux/amd64", "linux/arm64", "linux/arm/v7"


@pytest.fixture(autouse=True)
def _on_a_known_machine() -> None:
    settings.platform = AMD64


@pytest.mark.parametrize(
    ("platform", "chosen"),
    [
        (None, [AMD64]),
        ("amd64", [AMD64]),
        ("linux/amd64", [AMD64]),
        ("x86_64", [AMD64]),
        ("linux/x86-64", [AMD64]),
        ("linux", [AMD64]),
        ("linux/amd64/v3", [AMD64]),
        ("arm64", [ARM64]),
        ("aarch64", [ARM64]),
        ("linux/arm64", [ARM64]),
        ("linux/arm64/v8", [ARM64]),
        ("linux/arm64/v9", [ARM64]),
        ("Linux/ARM64", [ARM64]),
        ("arm", [ARM]),
        ("armhf", [ARM]),
        ("linux/arm/v8", [ARM]),
        ("all", [AMD64, ARM64, ARM]),
        (["arm64", "amd64"], [ARM64, AMD64]),
        (("arm64", "linux/arm64/v8", "aarch64"), [ARM64]),
    ],
)
def test_platforms_in_a_nested_index(registry: SampleRegistry, platform: Any, chosen: list[str]) -> None:
    for helper in (ocinb.layers, ocinb.history, ocinb.configs):
        frame = helper(registry.reference("demo/nested:1"), platform=platform)
        assert list(dict.fromkeys(frame["platform"])) == chosen


@pytest.mark.parametrize("platform", ["s390x", "windows", "linux/arm/v6", "linux/arm64/v7", ["amd64", "riscv64"]])
def test_a_platform_that_is_not_there_lists_those_that_are(registry: SampleRegistry, platform: Any) -> None:
    with pytest.raises(NotFoundError) as caught:
        ocinb.layers(registry.reference("demo/nested:1"), platform=platform)
    assert f"It has: {AMD64}, {ARM64}, {ARM}" in str(caught.value)


@pytest.mark.parametrize("platform", ["s390x", "unknown/unknown"])
def test_attestations_are_neither_chosen_nor_listed(registry: SampleRegistry, platform: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        ocinb.layers(registry.reference("demo/shop:2.0"), platform=platform)
    assert str(caught.value).endswith(f"It has: {AMD64}, {ARM64}")


@pytest.mark.parametrize("platform", ["", "a/b/c/d", "linux/", "linux amd64", "amd46", ["all"], [5], [], 5.5])
def test_what_is_no_platform_is_refused(registry: SampleRegistry, platform: Any) -> None:
    for helper in (ocinb.layers, ocinb.history, ocinb.configs):
        with pytest.raises(InvalidError):
            helper(registry.reference("demo/shop:2.0"), platform=platform)


def test_the_settings_say_the_default(registry: SampleRegistry) -> None:
    settings.platform = ARM64
    assert ocinb.configs(registry.reference("demo/shop:2.0"))["platform"].tolist() == [ARM64]


def test_a_mistyped_default_is_said_to_stand_in_the_settings(registry: SampleRegistry) -> None:
    settings.platform = "amd46"
    with pytest.raises(InvalidError, match=r"It stands in ocinb\.settings\.platform\. Did you mean 'amd64'\?"):
        ocinb.layers(registry.reference("demo/shop:2.0"))


def test_an_image_of_one_platform_is_taken_as_it_is(registry: SampleRegistry) -> None:
    settings.platform = "linux/s390x"
    only = build("linux/arm/v6", [])
    digest = registry.put_blob(only.config.raw)
    assert digest == only.config.digest
    registry.put_manifest("demo/only", only.manifest.raw)
    index = make_index([(only.manifest, only.descriptor())])
    registry.put_manifest("demo/only", index.raw, media_type=OCI_INDEX, tag="index")
    frame = ocinb.configs([registry.reference("demo/hello"), registry.reference("demo/only:index")])
    assert frame["platform"].tolist() == [AMD64, "linux/arm/v6"]


def test_a_lone_image_of_another_platform_is_not_there(registry: SampleRegistry) -> None:
    with pytest.raises(NotFoundError, match=f"It has: {AMD64}"):
        ocinb.layers(registry.reference("demo/hello"), platform="arm64")
    assert len(ocinb.layers(registry.reference("demo/hello"), platform="all")) == 1


def test_an_artifact_has_no_platform_to_choose(registry: SampleRegistry) -> None:
    frame = ocinb.layers(registry.reference("demo/chart:0.1"), platform="arm64")
    assert len(frame) == 1
    assert frame["platform"].isna().all()


def test_the_nearest_lower_variant_is_chosen_and_the_first_of_two(registry: SampleRegistry) -> None:
    images = [
        build(platform, [], settings={"Labels": {"n": str(number)}})
        for number, platform in enumerate(["linux/arm/v5", "linux/arm/v6", "linux/arm/v6", "linux/arm/v8"])
    ]
    for image in images:
        registry.put_blob(image.config.raw)
        registry.put_manifest("demo/arms", image.manifest.raw)
    index = make_index([(image.manifest, image.descriptor()) for image in images])
    registry.put_manifest("demo/arms", index.raw, media_type=OCI_INDEX, tag="1")
    frame = ocinb.configs(registry.reference("demo/arms:1"), platform="linux/arm/v7")
    assert [labels["n"] for labels in frame["labels"]] == ["1"]


def test_a_child_without_a_platform_is_taken_only_if_it_is_alone(registry: SampleRegistry) -> None:
    bare, other = (build("linux/arm64/v8", [], settings={"User": user}) for user in ("one", "two"))
    for image in (bare, other):
        registry.put_blob(image.config.raw)
        registry.put_manifest("demo/bare", image.manifest.raw)
    for tag, children in (
        ("alone", [bare.manifest.descriptor()]),
        ("two", [bare.manifest.descriptor(), other.descriptor()]),
    ):
        raw = make_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children})
        registry.put_manifest("demo/bare", raw, media_type=OCI_INDEX, tag=tag)
    alone = ocinb.configs(registry.reference("demo/bare:alone"), platform="amd64")
    assert alone[["user", "platform"]].to_numpy().tolist() == [["one", ARM64]], "its config says what it is"
    chosen = ocinb.configs(registry.reference("demo/bare:two"), platform="arm64")
    assert chosen["user"].tolist() == ["two"]


def test_diff_ids_that_do_not_fit_the_layers_are_not_told(registry: SampleRegistry) -> None:
    layer = make_layer([])
    digest = registry.put_image("demo/odd", [layer, layer], tag="1")
    document = json.loads(ocinb.document(registry.reference(f"demo/odd@{digest}")).raw)
    document["layers"].pop()
    registry.put_manifest("demo/odd", make_json(document), tag="2")
    layers = ocinb.layers(registry.reference("demo/odd:2"))
    assert layers["digest"].tolist() == [layer.digest]
    assert layers[["diff_id", "chain_id", "instruction"]].isna().all(axis=None)


def test_what_an_index_does_not_say_of_a_platform_is_na(registry: SampleRegistry) -> None:
    digest = registry.put_image("demo/odd", [])
    child = {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": 1, "platform": {"architecture": "amd64"}}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}
    registry.put_manifest("demo/odd", make_json(index), tag="1", media_type=OCI_INDEX)
    [row] = ocinb.manifests(registry.reference("demo/odd:1")).to_dict("records")
    assert row["architecture"] == "amd64"
    assert pd.isna(row["os"])
    assert pd.isna(row["platform"])
