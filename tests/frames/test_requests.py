"""How often a registry is asked: a digest once in a lifetime, a tag once in its own."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from tests.frames.facts import images

# shop:2.0 is an index (1) of two images, each a manifest and a config.
COUNTS: list[tuple[str, Callable[[str], object], int]] = [
    ("manifests", ocinb.manifests, 1),
    ("layers of one platform", lambda name: ocinb.layers(name, platform="arm64"), 3),
    ("layers of all", lambda name: ocinb.layers(name, platform="all"), 5),
    ("history of all", lambda name: ocinb.history(name, platform="all"), 5),
    ("configs of all", lambda name: ocinb.configs(name, platform="all"), 5),
    ("files of one platform, which has seven layers", lambda name: ocinb.files(name, platform="arm64"), 3 + 7),
    ("a file of one layer", lambda name: ocinb.read(name, "etc/passwd", platform="arm64", layer=0), 3 + 1),
    ("document", ocinb.document, 1),
    ("document of a platform", lambda name: ocinb.document(name, platform="arm64"), 3),
    ("tags", ocinb.tags, 1),
    ("digests of four tags", lambda name: ocinb.tags(name, match="[!s]*", digests=True), 5),
    ("referrers", ocinb.referrers, 6),
    ("repositories", lambda name: ocinb.repositories(name.partition("/")[0]), 1),
]


@pytest.mark.parametrize(("call", "count"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS])
def test_a_question_costs_so_many_requests_and_asked_again_none(
    registry: SampleRegistry, call: Callable[[str], object], count: int
) -> None:
    name = registry.reference("demo/shop:2.0")
    call(name)
    paths = [request.path for request in registry.requests if request.path != "/v2/"]
    assert len(paths) == count, paths
    before = len(registry.requests)
    call(name)
    assert len(registry.requests) == before


def test_one_helper_knows_what_another_has_read(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    ocinb.layers(name, platform="all")
    before = len(registry.requests)
    for helper in (ocinb.history, ocinb.configs):
        helper(name, platform="all")
    ocinb.manifests(name)
    assert len(registry.requests) == before


def test_a_digest_is_never_asked_for_again(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    facts = images(registry, "demo/shop:2.0")
    index = ocinb.document(registry.reference("demo/shop:2.0")).digest
    ocinb.layers(registry.reference("demo/shop:2.0"), platform="all")
    before = len(registry.requests)
    for digest in (index, *(fact.digest for fact in facts)):
        ocinb.layers(registry.reference(f"demo/shop@{digest}"), platform="all")
        ocinb.configs(registry.reference(f"demo/shop:2.0@{digest}"), platform="all")
        ocinb.manifests(registry.reference(f"demo/shop@{digest}"))
        ocinb.document(registry.reference(f"demo/shop@{digest}"))
    assert len(registry.requests) == before


def test_a_tag_that_is_believed_no_longer_costs_one_request(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    name = registry.reference("demo/shop:2.0")
    first = ocinb.layers(name, platform="all")
    before = len(registry.requests)
    pd.testing.assert_frame_equal(ocinb.layers(name, platform="all"), first)
    assert [(request.path, request.status) for request in registry.requests[before:]] == [
        ("/v2/demo/shop/manifests/2.0", 304)
    ]


def test_a_tag_that_moved_is_seen(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    name = registry.reference("demo/shop:latest")
    old = ocinb.document(name).digest
    registry.tag("demo/shop", "latest", ocinb.document(registry.reference("demo/shop:1.0")).digest)
    assert ocinb.document(name).digest != old
    assert ocinb.document(name).digest == ocinb.document(registry.reference("demo/shop:1.0")).digest


def test_what_images_share_is_asked_for_once(registry: SampleRegistry) -> None:
    names = [registry.reference(f"demo/shop:{tag}") for tag in ("2.0", "latest")]
    ocinb.configs(names, platform="all")
    digests = [request.path for request in registry.requests if "sha256:" in request.path]
    assert sorted(set(digests)) == sorted(digests)
    assert len(digests) == 4
