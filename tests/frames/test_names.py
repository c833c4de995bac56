"""What a registry has: repositories and tags, under names that the next helper takes."""

from __future__ import annotations

import pytest

import ocinb
from ocinb.errors import InvalidError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.frames.facts import fetch, sha256

SHOP_TAGS = ["1.0", "1.1", "2.0", "latest"]


def test_lists_go_over_all_pages() -> None:
    with start_registry(page_size=2) as registry:
        assert len(ocinb.repositories(registry.host)) == 6
        assert set(SHOP_TAGS) < set(ocinb.tags(registry.reference("demo/shop"))["tag"])


@pytest.mark.parametrize("match", [5, ["1.*"], b"1.*"])
def test_match_is_a_text(registry: SampleRegistry, match: object) -> None:
    with pytest.raises(InvalidError, match="match takes a glob"):
        ocinb.tags(registry.reference("demo/shop"), match=match)  # type: ignore[arg-type]


def test_a_tag_that_cannot_be_asked_for_is_an_error(registry: SampleRegistry) -> None:
    registry.fault("*/manifests/1.1", method="*", status=403, times=None)
    with pytest.raises(TransportError):
        ocinb.tags(registry.reference("demo/shop"), match="1.*", digests=True)


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_that_knows_no_head_is_asked_for_the_documents(registry: SampleRegistry, status: int) -> None:
    registry.fault("*/manifests/*", method="HEAD", status=status, times=None)
    frame = ocinb.tags(registry.reference("demo/shop"), match="?.?", digests=True)
    assert frame["digest"].tolist() == [sha256(fetch(registry, "demo/shop", "manifests", tag)) for tag in frame["tag"]]
