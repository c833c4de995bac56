"""What stands behind a name is found through all indexes, once each, and the platform is chosen among it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, OcinbError
from ocinb.frames.resolve import wanted_platforms
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from ocinb.sources.images import find_images, resolve_name
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from tests.transferring import open_repository

Child = dict[str, Any]


def put_index(registry: SampleRegistry, *children: Child, tag: str | None = None) -> Child:
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}).encode()
    digest = registry.put_manifest("demo/shop", raw, media_type=OCI_INDEX, tag=tag)
    return {"mediaType": OCI_INDEX, "digest": str(digest), "size": len(raw)}


def put_image(registry: SampleRegistry, platform: str | None, content: str = "x", **entry: Any) -> Child:
    digest = registry.put_image("demo/shop", [make_layer([file("a", content)])], platform=platform or "linux/amd64")
    size = len(registry._content.repositories["demo/shop"].manifests[digest].raw)
    described: Child = {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": size, **entry}
    if platform:
        described["platform"] = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
    return described


def found(registry: SampleRegistry, tag: str, platform: Any = None) -> list[str]:
    source = open_repository(registry)
    images = find_images(source, resolve_name(source, tag, settings), wanted_platforms(platform), settings)
    return [str(image.platform) for image in images]


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (None, ["linux/amd64"]),
        ("linux/amd64", ["linux/amd64"]),
        ("arm64", ["linux/arm64"]),
        ("linux/arm64/v8", ["linux/arm64"]),
        (["arm64", "amd64"], ["linux/arm64", "linux/amd64"]),
        (["arm64", "linux/arm64/v8"], ["linux/arm64"]),
        ("all", ["linux/amd64", "linux/arm64"]),
    ],
)
def test_platforms_of_an_index(registry: SampleRegistry, platform: Any, expected: list[str]) -> None:
    settings.platform = "linux/amd64"
    assert found(registry, "2.0", platform) == expected


def test_a_platform_that_is_not_there_names_those_that_are(registry: SampleRegistry) -> None:
    with pytest.raises(NotFoundError, match="linux/s390x") as caught:
        found(registry, "2.0", "s390x")
    assert "linux/amd64" in str(caught.value)
    assert "linux/arm64" in str(caught.value)
    assert "unknown" not in str(caught.value), "an attestation is no platform"


def test_the_only_platform_is_taken_whatever_the_default_is(registry: SampleRegistry) -> None:
    settings.platform = "linux/s390x"
    put_index(registry, put_image(registry, "linux/arm/v7"), tag="one")
    assert found(registry, "one") == ["linux/arm/v7"]
    with pytest.raises(NotFoundError):
        found(registry, "one", "amd64")


def test_a_lone_image_is_taken_unless_another_platform_is_wanted(registry: SampleRegistry) -> None:
    settings.platform = "linux/s390x"
    registry.put_image("demo/shop", [], tag="lone", platform="linux/arm64")
    assert (
        found(registry, "lone") == found(registry, "lone", "all") == found(registry, "lone", "arm64") == ["linux/arm64"]
    )
    with pytest.raises(NotFoundError, match="linux/arm64"):
        found(registry, "lone", "amd64")


def test_an_empty_list_of_platforms_is_refused(registry: SampleRegistry) -> None:
    with pytest.raises(InvalidError, match="chooses nothing"):
        found(registry, "2.0", [])


def test_variants_are_told_apart(registry: SampleRegistry) -> None:
    children = [put_image(registry, f"linux/arm/{variant}", variant) for variant in ("v5", "v7")]
    put_index(registry, *children, tag="arm")
    assert found(registry, "arm", "linux/arm/v6") == ["linux/arm/v5"]
    assert found(registry, "arm", "linux/arm") == ["linux/arm/v7"]
    with pytest.raises(NotFoundError):
        found(registry, "arm", "linux/arm/v4")


def test_images_in_an_index_in_an_index_are_found(registry: SampleRegistry) -> None:
    source = open_repository(registry, "demo/nested")
    resolved = resolve_name(source, "1", settings)
    assert [len(resolved.indexes), len(resolved.children)] == [2, 4]
    assert [str(image.platform) for image in find_images(source, resolved, "all", settings)] == [
        "linux/amd64",
        "linux/arm64",
        "linux/arm/v7",
    ]
    assert [(child.index_digest == resolved.document.digest, child.position) for child in resolved.children] == [
        (True, 0),
        (False, 0),
        (False, 1),
        (True, 1),
    ]


def test_an_image_that_stands_twice_comes_once(registry: SampleRegistry) -> None:
    image = put_image(registry, "linux/amd64")
    inner = put_index(registry, image)
    put_index(registry, image, inner, image, inner, tag="twice")
    source = open_repository(registry)
    resolved = resolve_name(source, "twice", settings)
    assert len(resolved.indexes) == 2
    assert found(registry, "twice", "all") == ["linux/amd64"]


def test_where_an_image_is_named_first_counts(registry: SampleRegistry) -> None:
    one, two = (put_image(registry, "linux/amd64", content) for content in ("one", "two"))
    arm = put_image(registry, "linux/arm64")
    put_index(registry, one, two, arm, {**one, "platform": {"os": "linux", "architecture": "s390x"}}, tag="again")
    source = open_repository(registry)
    resolved = resolve_name(source, "again", settings)
    chosen = find_images(source, resolved, ("linux/amd64",), settings)
    every = find_images(source, resolved, "all", settings)
    assert [image.document.digest for image in chosen] == [one["digest"]]
    assert [image.document.digest for image in every] == [one["digest"], two["digest"], arm["digest"]]
    assert str(every[0].platform) == "linux/amd64"


def test_attestations_and_artifacts_are_never_chosen(registry: SampleRegistry) -> None:
    image = put_image(registry, "linux/amd64", "image")
    attested = put_image(
        registry, "linux/amd64", "a", annotations={"vnd.docker.reference.type": "attestation-manifest"}
    )
    artifact = put_image(registry, "linux/amd64", "b", artifactType="application/x")
    put_index(registry, attested, artifact, image, tag="mixed")
    source = open_repository(registry)
    for platform in (None, "all", "amd64"):
        [chosen] = find_images(source, resolve_name(source, "mixed", settings), wanted_platforms(platform), settings)
        assert chosen.document.digest == image["digest"]
    put_index(registry, attested, tag="nothing")
    assert found(registry, "nothing", "all") == []
    with pytest.raises(NotFoundError):
        found(registry, "nothing")


def nest(registry: SampleRegistry, depth: int) -> None:
    inner = put_index(registry, put_image(registry, "linux/amd64"), tag="deep")
    for _ in range(depth - 1):
        inner = put_index(registry, inner, tag="deep")


def test_indexes_may_lie_so_deep_and_no_deeper(registry: SampleRegistry) -> None:
    settings.max_index_depth = 3
    nest(registry, 3)
    assert found(registry, "deep") == ["linux/amd64"]
    settings.tag_ttl = 0
    nest(registry, 4)
    with pytest.raises(InvalidError, match="max_index_depth = 3"):
        found(registry, "deep")


def test_an_index_may_have_so_many_children_and_no_more(registry: SampleRegistry) -> None:
    settings.max_index_children = 10
    settings.tag_ttl = 0
    children = [put_image(registry, "linux/amd64", str(number)) for number in range(6)]
    put_index(registry, *children, tag="many")
    assert len(resolve_name(open_repository(registry), "many", settings).children) == 6
    put_index(registry, put_index(registry, *children), *children[:4], tag="many")
    with pytest.raises(InvalidError, match="max_index_children = 10"):
        resolve_name(open_repository(registry), "many", settings)


def asked(registry: SampleRegistry) -> int:
    return sum("/manifests/" in request.path for request in registry.requests)


def test_what_an_index_names_is_counted_before_any_of_it_is_fetched(registry: SampleRegistry) -> None:
    settings.max_index_children = 10
    settings.tag_ttl = 0
    inner = [put_index(registry, put_image(registry, "linux/amd64", str(number))) for number in range(11)]
    put_index(registry, *inner, tag="wide")
    with pytest.raises(InvalidError, match="leads to more manifests than max_index_children = 10"):
        resolve_name(open_repository(registry), "wide", settings)
    assert asked(registry) == 1
    put_index(registry, *inner[:10], tag="wide")
    with pytest.raises(InvalidError, match="max_index_children = 10"):
        resolve_name(open_repository(registry), "wide", settings)
    assert asked(registry) == 3, "the second index of eleven was too many"


def test_a_name_may_lead_to_so_many_indexes_and_no_more(registry: SampleRegistry) -> None:
    settings.max_indexes = 4
    settings.tag_ttl = 0
    empty = [put_index(registry, {**put_image(registry, None), "annotations": {"n": str(n)}}) for n in range(4)]
    put_index(registry, *empty[:3], tag="some")
    assert len(resolve_name(open_repository(registry), "some", settings).indexes) == 4
    before = asked(registry)
    put_index(registry, *empty, tag="some")
    with pytest.raises(InvalidError, match="leads to more indexes than max_indexes = 4"):
        resolve_name(open_repository(registry), "some", settings)
    assert asked(registry) == before + 1
    put_index(registry, put_index(registry, *empty[:2]), put_index(registry, *empty[2:]), tag="some")
    with pytest.raises(InvalidError, match="max_indexes = 4"):
        resolve_name(open_repository(registry), "some", settings)


def test_an_index_that_is_named_very_often_is_fetched_once(registry: SampleRegistry) -> None:
    inner = put_index(registry, put_image(registry, "linux/amd64"))
    put_index(registry, *[inner] * 9_000, tag="often")
    resolved = resolve_name(open_repository(registry), "often", settings)
    assert (len(resolved.indexes), len(resolved.children)) == (2, 9_001)
    assert asked(registry) == 2
    assert [child.position for child in resolved.children[:3]] == [0, 0, 1], "its own child comes behind the first"


def test_a_deep_chain_is_given_up_before_it_is_followed_to_the_limit(registry: SampleRegistry) -> None:
    nest(registry, 20)
    with pytest.raises(InvalidError, match="max_index_depth = 8"):
        found(registry, "deep")
    assert asked(registry) == 8


def test_an_index_that_two_others_name_comes_once(registry: SampleRegistry) -> None:
    shared = put_index(registry, put_image(registry, "linux/amd64"))
    left, right = (put_index(registry, shared, put_image(registry, "linux/arm64", side)) for side in ("l", "r"))
    put_index(registry, left, shared, right, tag="diamond")
    resolved = resolve_name(open_repository(registry), "diamond", settings)
    assert len(resolved.indexes) == len({document.digest for document in resolved.indexes}) == 4
    assert len(resolved.children) == 3 + 2 + 2 + 1
    assert asked(registry) == 4


def test_a_loop_that_a_registry_pretends_is_found(registry: SampleRegistry) -> None:
    """No index can name itself, for it would have to hold its own digest; one that is served so is no such index."""
    inner = put_index(registry, tag="inner")
    outer = put_index(registry, inner, tag="loop")
    raw = registry._content.repositories["demo/shop"].manifests[Digest(outer["digest"])].raw
    registry.fault(f"*/manifests/{inner['digest']}", body=raw, times=None)
    with pytest.raises(IntegrityError):
        resolve_name(open_repository(registry), "loop", settings)


def misled(registry: SampleRegistry) -> list[tuple[str, Callable[[], Child], type[OcinbError]]]:
    image = put_image(registry, "linux/amd64")
    return [
        ("missing", lambda: {**image, "digest": str(Digest.of(b"none"))}, NotFoundError),
        ("size", lambda: {**image, "size": image["size"] + 1}, OcinbError),
        ("type", lambda: {**image, "mediaType": OCI_INDEX}, InvalidError),
        ("digest", lambda: {**image, "digest": "sha256:12"}, InvalidError),
        ("negative", lambda: {**image, "size": -1}, InvalidError),
        ("huge", lambda: {**image, "size": 10**12}, InvalidError),
    ]


def test_an_index_that_misleads(registry: SampleRegistry) -> None:
    for name, make_child, error in misled(registry):
        put_index(registry, make_child(), tag=name)
        with pytest.raises(error) as caught:
            found(registry, name)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_artifact_is_no_image_and_has_no_config(registry: SampleRegistry) -> None:
    source = open_repository(registry, "demo/chart")
    [chart] = find_images(source, resolve_name(source, "0.1", settings), None, settings)
    assert (chart.config, chart.config_document, chart.platform) == (None, None, None)
    assert len(chart.manifest.layers) == 1
