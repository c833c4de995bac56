"""Offline nobody is asked anything: what is known is believed whatever its age, and what is not is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import TransportError
from ocinb.network.session import OfflineError
from ocinb.samples import SampleRegistry
from ocinb.sources.registry import RegistrySource
from ocinb.sources.session import close_default_session
from tests.internet import Internet
from tests.transferring import BLOB, describe, open_repository

ASK: dict[str, tuple[Callable[[RegistrySource], object], str]] = {
    "tags": (lambda source: source.tags(), "the tags of demo/shop"),
    "tag": (lambda source: source.resolve("2.0"), "manifest 2.0"),
    "head": (lambda source: source.head("2.0"), "manifest 2.0"),
    "digest": (lambda source: source.resolve(describe(BLOB).digest), "manifest sha256:"),
    "blob": (lambda source: source.small_blob(describe(BLOB).digest), "blob sha256:"),
}


@pytest.fixture
def source(registry: SampleRegistry, internet: Internet) -> Iterator[RegistrySource]:
    yield open_repository(registry)
    settings.offline = False
    assert internet.called == ["127.0.0.1"] * len(internet.called)


@pytest.mark.parametrize("question", ASK)
def test_what_is_not_known_is_named(
    source: RegistrySource, registry: SampleRegistry, internet: Internet, question: str
) -> None:
    settings.offline = True
    ask, words = ASK[question]
    with pytest.raises(OfflineError, match=f"offline, and this machine does not have {words}") as caught:
        ask(source)
    assert isinstance(caught.value, TransportError)
    assert "ocinb.settings.offline = False" in str(caught.value)
    assert registry.host in str(caught.value)
    assert registry.requests == ()
    assert internet.called == []


def test_a_whole_image_is_looked_at_offline(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    online = ocinb.layers(name, platform="all")
    tags = ocinb.tags(name)
    before = len(registry.requests)
    close_default_session()
    settings.offline, settings.tag_ttl = True, 0
    assert ocinb.layers(name, platform="all").equals(online)
    assert ocinb.tags(name).equals(tags)
    assert len(registry.requests) == before
    settings.offline, settings.tag_ttl = False, 300
