"""When something fails, the other images are whole, what failed has no name, and what came is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.progress.protocol import State, Task
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_json, make_layer
from ocinb.samples.tars import file
from ocinb.storage.layout import Layout
from tests.frames.facts import images
from tests.frames.layouts import named


class Told:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.tasks: list[Task] = []
        self.moved: dict[str, int] = {}
        self.states: dict[str, list[State]] = {}
        self.summaries: list[str] = []

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        self.titles.append(title)
        self.tasks.extend(tasks)

    def advance(self, key: str, amount: int) -> None:
        self.moved[key] = self.moved.get(key, 0) + amount

    def state(self, key: str, state: State) -> None:
        self.states.setdefault(key, []).append(state)

    def finish(self, summary: str) -> None:
        self.summaries.append(summary)


@pytest.fixture(autouse=True)
def _without_patience() -> None:
    settings.retries = 0


def own_layer(registry: SampleRegistry, name: str, others: str) -> str:
    """Find a layer that one image has and the others have not."""
    shared = {layer["digest"] for fact in images(registry, others) for layer in fact.manifest["layers"]}
    layers = images(registry, name)[0].manifest["layers"]
    return next(str(layer["digest"]) for layer in layers if layer["digest"] not in shared)


def blobs(registry: SampleRegistry, name: str) -> list[dict[str, Any]]:
    manifest = images(registry, name)[0].manifest
    return [manifest["config"], *manifest["layers"]]


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 404}, {"corrupt": 3}, {"cut": 5}, {"drop": True}])
def test_one_blob_fails_and_the_other_image_is_whole(
    registry: SampleRegistry, tmp_path: Path, fault: dict[str, int]
) -> None:
    bad, good = registry.reference("demo/shop:2.0"), registry.reference("demo/shop:1.0")
    layer = own_layer(registry, "demo/shop:2.0", "demo/shop:1.0")
    registry.fault(f"*/blobs/{layer}", times=None, **fault)  # type: ignore[arg-type]
    frame = ocinb.pull([bad, good], platform="amd64", destination=tmp_path, progress=False, errors="skip")
    assert set(frame["reference"]) == {good}
    assert len(frame) == 8
    assert list(named(tmp_path)) == [good]
    [failure] = frame.attrs["failures"]
    assert failure["reference"] == bad
    assert bad in failure["error"]
    with pytest.raises((TransportError, IntegrityError, NotFoundError)):
        ocinb.pull([bad, good], platform="amd64", destination=tmp_path, progress=False)


@pytest.mark.parametrize(
    ("order", "more"),
    [(("right", "wrong"), -1), (("wrong", "right"), -1), (("right", "wrong"), 7), (("wrong", "right"), 7)],
)
def test_a_manifest_that_lies_about_a_size_spoils_no_other(
    registry: SampleRegistry, tmp_path: Path, order: tuple[str, str], more: int
) -> None:
    digest = registry.put_image("demo/sizes", [make_layer([file("a", "a")]), make_layer([])], tag="right")
    document = json.loads(ocinb.document(registry.reference(f"demo/sizes@{digest}")).raw)
    document["layers"][0]["size"] += more
    registry.put_manifest("demo/sizes", make_json(document), tag="wrong")
    right, wrong = registry.reference("demo/sizes:right"), registry.reference("demo/sizes:wrong")
    names = [registry.reference(f"demo/sizes:{tag}") for tag in order]
    frame = ocinb.pull(names, destination=tmp_path, progress=False, errors="skip")
    assert frame["reference"].tolist() == [right] * 3
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [wrong]
    assert list(named(tmp_path)) == [right]
    with pytest.raises((IntegrityError, TransportError)):
        ocinb.pull(wrong, destination=tmp_path, progress=False)
    assert list(named(tmp_path)) == [right], "and what is whole stays whole"


def test_a_manifest_that_gives_one_blob_two_sizes_is_never_whole(registry: SampleRegistry, tmp_path: Path) -> None:
    layer = make_layer([])
    digest = registry.put_image("demo/sizes", [layer, layer])
    document = json.loads(ocinb.document(registry.reference(f"demo/sizes@{digest}")).raw)
    document["layers"][0]["size"] += 1
    registry.put_manifest("demo/sizes", make_json(document), tag="1")
    with pytest.raises((IntegrityError, InvalidError)):
        ocinb.pull(registry.reference("demo/sizes:1"), destination=tmp_path, progress=False)
    assert named(tmp_path) == {}


def test_an_error_of_whoever_draws_ends_the_pull_and_is_told(registry: SampleRegistry) -> None:
    class Broken(Told):
        def advance(self, key: str, amount: int) -> None:
            super().advance(key, amount // 0)

    told = Broken()
    with pytest.raises(ZeroDivisionError):
        ocinb.pull(registry.reference("demo/hello"), progress=told)
    assert len(told.summaries) == 1


def test_what_is_no_progress_is_refused(registry: SampleRegistry) -> None:
    with pytest.raises(InvalidError):
        ocinb.pull(registry.reference("demo/hello"), progress=object())  # type: ignore[arg-type]
    assert registry.requests == ()


def test_a_blob_that_is_gone_before_its_image_is_named_is_told_of_and_the_image_has_no_name(
    registry: SampleRegistry, tmp_path: Path
) -> None:
    class Losing(Told):
        def state(self, key: str, state: State) -> None:
            if state is State.DONE:
                (tmp_path / "blobs" / "sha256" / key.partition(":")[2]).unlink()

    with pytest.raises(TransportError, match="cannot be used: No such file"):
        ocinb.pull(registry.reference("demo/hello"), destination=tmp_path, progress=Losing())
    assert Layout(tmp_path).entries() == []


@pytest.mark.parametrize("place", ["index.json", ".ocinb/lock", ".ocinb/use"])
def test_a_fifo_in_a_folder_of_a_stranger_is_not_waited_for(
    registry: SampleRegistry, tmp_path: Path, place: str
) -> None:
    ocinb.pull(registry.reference("demo/hello"), destination=tmp_path, progress=False)
    (tmp_path / place).unlink()
    os.mkfifo(tmp_path / place)
    other = registry.reference("demo/shop:2.0")
    if place == ".ocinb/use":  # it is for whoever removes
        assert len(ocinb.pull(other, destination=tmp_path, progress=False)) > 1
    else:
        with pytest.raises(TransportError, match="cannot be used"):
            ocinb.pull(other, destination=tmp_path, progress=False)
