"""A tag that is asked for afresh is asked for whatever is known, and what proves outdated is believed no longer."""

from __future__ import annotations

import pytest

from ocinb import settings
from ocinb.errors import NotFoundError
from ocinb.samples import SampleRegistry
from tests.transferring import open_repository


@pytest.fixture(autouse=True)
def _long_life() -> None:
    settings.tag_ttl = 3600


@pytest.mark.parametrize("way", ["resolve", "head"])
def test_what_is_outdated_is_asked_for_again(registry: SampleRegistry, way: str) -> None:
    source = open_repository(registry)
    new = source.resolve("2.0").digest
    getattr(source, way)("1.0")
    registry.tag("demo/shop", "1.0", new)
    assert source.head("1.0", afresh=True) == new
    assert source.resolve("1.0").digest == new
    assert source.head("1.0") == new


@pytest.mark.parametrize("way", ["resolve", "head"])
def test_a_tag_that_is_gone_is_believed_no_longer(registry: SampleRegistry, way: str) -> None:
    source = open_repository(registry)
    getattr(source, way)("1.0")
    registry.untag("demo/shop", "1.0")
    with pytest.raises(NotFoundError, match="there is no tag"):
        source.head("1.0", afresh=True)
    with pytest.raises(NotFoundError):
        getattr(source, way)("1.0")


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_that_knows_no_head_gives_the_document(registry: SampleRegistry, status: int) -> None:
    source = open_repository(registry)
    old, new = source.resolve("1.0").digest, source.resolve("2.0").digest
    registry.tag("demo/shop", "1.0", new)
    registry.fault("*/manifests/1.0", method="HEAD", times=None, status=status)
    assert source.head("1.0", afresh=True) == new != old
    assert source.resolve("1.0").digest == new
