"""What is given for platforms is judged before anybody is asked, and serves any number of names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError, OcinbError, TransportError
from ocinb.frames.resolve import wanted_platforms
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import close_default_session


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, None),
        ("all", "all"),
        ("arm64", ("arm64",)),
        (["arm64", "linux/amd64"], ("arm64", "linux/amd64")),
        (pd.Series(["arm64"]), ("arm64",)),
        ((text for text in ["arm64", "amd64"]), ("arm64", "amd64")),
    ],
)
def test_platforms_are_held(given: Any, wanted: Any) -> None:
    assert wanted_platforms(given) == wanted


WRONG: list[Any] = ["", "amd46", "a/b/c/d", 5.5, 3, [], ["arm64", 5], ["all"], {"arm64": 1}, b"arm64", True]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("helper", [ocinb.layers, ocinb.history, ocinb.configs, ocinb.pull, ocinb.Catalog().add])
def test_what_is_no_platform_is_the_callers_fault_and_no_images(
    registry: SampleRegistry, helper: Any, wrong: Any
) -> None:
    skip = {} if helper.__name__ == "add" else {"errors": "skip"}
    with pytest.raises(InvalidError):
        helper([registry.reference("demo/shop:1.0")], platform=wrong, **skip)
    assert not registry.requests


AMD64, ARM64, ARM = "linux/amd64", "linux/arm64", "linux/arm/v7"


@pytest.fixture(autouse=True)
def _on_a_known_machine() -> None:
    settings.platform = AMD64


@pytest.mark.parametrize("platform", ["s390x", "windows", "linux/arm/v6", "linux/arm64/v7", ["amd64", "riscv64"]])
def test_a_platform_that_is_not_there_lists_those_that_are(registry: SampleRegistry, platform: Any) -> None:
    with pytest.raises(NotFoundError) as caught:
        ocinb.layers(registry.reference("demo/nested:1"), platform=platform)
    assert f"It has: {AMD64}, {ARM64}, {ARM}" in str(caught.value)


@pytest.mark.parametrize("platform", ["", "a/b/c/d", "linux/", "linux amd64", "amd46", ["all"], [5], [], 5.5])
def test_what_is_no_platform_is_refused(registry: SampleRegistry, platform: Any) -> None:
    for helper in (ocinb.layers, ocinb.history, ocinb.configs):
        with pytest.raises(InvalidError):
            helper(registry.reference("demo/shop:2.0"), platform=platform)


def test_a_mistyped_default_is_said_to_stand_in_the_settings(registry: SampleRegistry) -> None:
    settings.platform = "amd46"
    with pytest.raises(InvalidError, match=r"It stands in ocinb\.settings\.platform\. Did you mean 'amd64'\?"):
        ocinb.layers(registry.reference("demo/shop:2.0"))


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
