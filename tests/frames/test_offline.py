"""Offline, what was seen is shown, what was not is named, and nobody is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import OcinbError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import close_default_session

Call = Callable[[str], object]

CALLS: dict[str, Call] = {
    "manifests": ocinb.manifests,
    "layers": lambda name: ocinb.layers(name, platform="all"),
    "configs": lambda name: ocinb.configs(name, platform="all"),
    "history": lambda name: ocinb.history(name, platform="arm64"),
    "shared": lambda name: ocinb.shared(name, platform="all"),
    "tags": ocinb.tags,
    "digests of tags": lambda name: ocinb.tags(name, digests=True),
    "repositories": lambda name: ocinb.repositories(name.partition("/")[0]),
    "referrers": ocinb.referrers,
    "document": lambda name: ocinb.document(name).raw,
    "document of a platform": lambda name: ocinb.document(name, platform="arm64").config.raw,
    "pull": lambda name: ocinb.pull(name, platform="arm64", progress=False)[["digest", "path"]],
    "catalogue": lambda name: _added(name)[["reference", "digest", "images"]],
}


def _added(name: str) -> pd.DataFrame:
    """Add to a catalogue, which tells of an error in its frame."""
    with ocinb.Catalog(":memory:") as catalog:
        added = catalog.add(name)
    [error] = added["error"].dropna().tolist() or [None]
    if error:
        raise TransportError(error)
    return added


@pytest.fixture(params=["open", "token"])
def registry(request: pytest.FixtureRequest) -> Iterator[SampleRegistry]:
    with start_registry(token=request.param == "token") as running:
        yield running


def go_offline() -> None:
    """Begin a new session in which nobody may be asked and whatever was kept is old."""
    close_default_session()
    settings.offline = True
    settings.tag_ttl = 0


def equal(first: object, second: object) -> bool:
    if isinstance(first, pd.DataFrame) and isinstance(second, pd.DataFrame):
        return bool(first.equals(second))
    return first == second


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_was_seen_is_shown_again(registry: SampleRegistry, call: Call) -> None:
    name = registry.reference("demo/shop:2.0")
    online = call(name)
    before = len(registry.requests)
    go_offline()
    assert equal(call(name), online)
    assert len(registry.requests) == before


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_was_not_seen_is_named(registry: SampleRegistry, call: Call) -> None:
    ocinb.document(registry.reference("demo/hello"))
    before = len(registry.requests)
    go_offline()
    name = registry.reference("demo/shop:2.0")
    with pytest.raises(TransportError, match="offline") as caught:
        call(name)
    assert registry.host in str(caught.value)
    assert "demo/shop" in str(caught.value) or call is CALLS["repositories"]
    assert "this machine does not have" in str(caught.value)
    assert "ocinb.settings.offline = False" in str(caught.value)
    assert len(registry.requests) == before


def test_what_another_user_was_shown_is_missing() -> None:
    with start_registry(credentials=("ada", "secret")) as registry:
        settings.credentials[registry.host] = ("ada", "secret")
        name = registry.reference("demo/shop:2.0")
        ocinb.document(name)
        go_offline()
        assert ocinb.document(name).raw
        settings.credentials[registry.host] = ("eve", "other")
        with pytest.raises(TransportError, match="offline"):
            ocinb.document(name)


def test_online_again_it_asks(registry: SampleRegistry) -> None:
    go_offline()
    with pytest.raises(OcinbError):
        ocinb.document(registry.reference("demo/hello"))
    settings.offline = False
    assert ocinb.document(registry.reference("demo/hello")).raw


def test_what_was_pulled_is_found_by_its_name_though_no_answer_was_kept(registry: SampleRegistry) -> None:
    shop = registry.reference("demo/shop:2.0")
    ocinb.pull(shop, platform="all", progress=False)
    before = ocinb.layers(shop, platform="all")
    ocinb.store.prune(keep_bytes=0)
    go_offline()
    assert ocinb.layers(shop, platform="all").equals(before)
    assert ocinb.pull(shop, platform="arm64", progress=False)["outcome"].unique().tolist() == ["present"]
    with pytest.raises(TransportError, match="offline"):
        ocinb.layers(registry.reference("demo/shop:1.0"))
