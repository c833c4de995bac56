"""The explorer is shown as a page where there is one, and as a summary where there is none."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError, NotFoundError
from ocinb.notebook.explore.explorer import Explorer
from ocinb.notebook.explore.model import ExploredImage
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.notebook.reading import Reader
from tests.notebook.shells import run
from tests.patience import until

SHOP = "demo/shop:2.0"
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def displayed(shell: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Give what is sent to a front end."""
    sent: list[dict[str, Any]] = []

    def publish(data: dict[str, Any], **_: Any) -> None:
        sent.append(data)

    monkeypatch.setattr(shell.display_pub, "publish", publish)
    return sent


def test_a_bundle_has_the_page_the_summary_and_the_lines(registry: SampleRegistry) -> None:
    explorer = ocinb.explore(registry.reference(SHOP), platform="amd64")
    bundle = explorer._repr_mimebundle_()
    assert bundle.keys() == {VIEW, "text/html", "text/plain"}
    assert "also for linux/arm64" in Reader(bundle["text/html"]).text
    assert bundle["text/plain"] == repr(explorer)
    assert bundle[VIEW]["model_id"] == explorer._repr_mimebundle_()[VIEW]["model_id"], "there is one page"


def test_a_terminal_gets_the_lines_alone(registry: SampleRegistry, shell: Any, displayed: list[dict[str, Any]]) -> None:
    shell.user_ns["explorer"] = explorer = ocinb.explore(registry.reference(SHOP), progress=False)
    run(shell, "explorer")
    assert [shown["text/plain"] for shown in displayed] == [repr(explorer)]


def test_one_that_is_closed_holds_no_image_and_says_so(
    registry: SampleRegistry, shell: Any, displayed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(shell), "kernel", object(), raising=False)
    shell.user_ns["explorer"] = explorer = ocinb.explore(registry.reference(SHOP), platform="amd64", progress=False)
    run(shell, "explorer")
    image, widget = weakref.ref(_image(explorer)), explorer._widget
    explorer.close()
    explorer.close()
    gc.collect()
    assert image() is None
    assert widget.comm is None
    assert repr(explorer) == f"<Explorer: {registry.reference(SHOP)}, linux/amd64, closed>"
    displayed.clear()
    run(shell, "explorer")
    assert [(one["text/plain"], one["text/html"].count("&lt;Explorer")) for one in displayed] == [(repr(explorer), 1)]
    assert explorer._repr_mimebundle_().keys() == {"text/html", "text/plain"}
    told = explorer._answers.answer({"id": 1, "ask": "children", "path": ""})
    assert told["error"]["message"] == "the explorer was closed"


def test_one_that_is_shown_no_more_holds_no_image_until_it_is_shown_again() -> None:
    with start_registry() as registry:
        explorer = ocinb.explore(registry.reference(SHOP), platform="amd64", progress=False)
        other = ocinb.explore(registry.reference("demo/hello"), progress=False)
    told, image = explorer._repr_mimebundle_(), weakref.ref(_image(explorer))
    _ask(explorer, "children", view="one", path="")
    _ask(explorer, "leave", view="one")
    gc.collect()
    assert image() is None
    assert explorer._repr_mimebundle_() == told, "which needs no image"
    assert not explorer._answers.is_at_hand({})
    _ask(explorer, "children", view="two", path="srv")
    until(lambda: explorer._answers.is_at_hand({}))
    assert not explorer._answers.is_closed
    assert other._answers.is_at_hand({}), "another one is not concerned"


def _image(explorer: Explorer) -> ExploredImage:
    [image] = explorer._answers._offered._explored.values()
    return image


def _ask(explorer: Explorer, ask: str, **more: Any) -> None:
    explorer._widget._handle_custom_msg({"id": 1, "ask": ask, **more}, [])


CALLS: dict[str, tuple[Callable[[str], Any], type[Exception], str]] = {
    "a typo": (lambda name: ocinb.explore(name, platfrom="amd64"), InvalidError, "Did you mean 'platform'"),  # type: ignore[call-arg]
    "a frame": (lambda _: ocinb.explore(pd.DataFrame({"reference": ["x"]})), InvalidError, "a DataFrame is not a name"),  # type: ignore[arg-type]
    "a series": (lambda _: ocinb.explore(pd.Series(["x", "y"])), InvalidError, "a Series is not a name"),  # type: ignore[arg-type]
    "no name": (lambda _: ocinb.explore(5), InvalidError, "5 is not a name"),  # type: ignore[arg-type]
    "two": (lambda name: ocinb.explore([name]), InvalidError, "is not a name"),  # type: ignore[arg-type]
    "no platform": (lambda name: ocinb.explore(name, platform="s390x"), NotFoundError, "It has: linux/amd64"),
    "an artifact": (
        lambda name: ocinb.explore(name.replace("shop:2.0", "chart:0.1")), InvalidError, "ocinb.layers lists its blobs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_what_is_wrong_is_told(registry: SampleRegistry, call: str) -> None:
    function, kind, message = CALLS[call]
    with pytest.raises(kind, match=message):
        function(registry.reference(SHOP))
