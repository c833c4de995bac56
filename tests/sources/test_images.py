"""What stands behind a name is found through all indexes, once each, and the platform is chosen among it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError, OcinbError
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


def test_variants_are_told_apart(registry: SampleRegistry) -> None:
    children = [put_image(registry, f"linux/arm/{variant}", variant) for variant in ("v5", "v7")]
    put_index(registry, *children, tag="arm")
    assert found(registry, "arm", "linux/arm/v6") == ["linux/arm/v5"]
    assert found(registry, "arm", "linux/arm") == ["linux/arm/v7"]
    with pytest.raises(NotFoundError):
        found(registry, "arm", "linux/arm/v4")


def asked(registry: SampleRegistry) -> int:
    return sum("/manifests/" in request.path for request in registry.requests)


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
