"""A pull whose process dies, anywhere: the next one takes up what came, to the byte, and all is as if nothing had been.

The processes are real, and so is their death; what they fetch is counted on the line, not by them.
"""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.patience import SECONDS
from tests.real import aftermath, children, mischief, tools
from tests.real.children import Child, Pull
from tests.real.dockerregistry import DockerRegistry
from tests.real.places import in_memory
from tests.real.realimages import RealImages
from tests.real.relays import Relay
from tests.real.sluices import Sluice, sluice

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Whole:
    """How it looks when nothing goes wrong."""

    name: str
    origin: str  # what it is called by the registry itself
    contents: dict[str, bytes]
    layers: dict[str, int]  # sizes by digest
    config: int
    manifest: int  # its size, as that of the config

    @property
    def blobs(self) -> int:
        """The bytes that have to pass the line, but for the manifest."""
        return self.config + sum(self.layers.values())

    @property
    def contents_at_origin(self) -> dict[str, bytes]:
        """Give the contents of what was pulled from the registry itself."""
        index = self.contents["index.json"].replace(self.name.encode(), self.origin.encode())
        return {**self.contents, "index.json": index}


@pytest.fixture(scope="module")
def opened(docker_registry: DockerRegistry) -> Iterator[tuple[Relay, Sluice]]:
    with sluice(docker_registry.host) as both:
        yield both


@pytest.fixture(scope="module")
def whole(opened: tuple[Relay, Sluice], real_images: RealImages, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    relay, line = opened
    home, name = tmp_path_factory.mktemp("whole"), relay.name(real_images.busybox_oci)
    frame = children.pull_in_child(Pull(name, home))
    config, *layers = ((row["digest"], row["blob_bytes"]) for row in frame.rows)
    manifest = len(tools.skopeo_raw(real_images.busybox_oci))
    made = Whole(
        name, real_images.busybox_oci, aftermath.contents_of(home / "store"), dict(layers), config[1], manifest
    )
    assert aftermath.accepted_by_peers(home / "store", name, origin=real_images.busybox_oci)
    assert line.hang_up() == made.blobs, "and all of it came over the line"
    return made


@pytest.fixture
def line(opened: tuple[Relay, Sluice]) -> Iterator[Sluice]:
    made = opened[1]
    made.hang_up()
    yield made
    made.pause = 0.0
    made.hang_up()


def wait_until(true: Callable[[], bool], child: Child) -> None:
    deadline = time.monotonic() + SECONDS
    while not true() and child.process.is_alive():
        assert time.monotonic() < deadline, "nothing happens"
        time.sleep(0.001)


def check_remains(layout: Path, whole: Whole) -> None:
    """See that what a dead process leaves is right, as far as it goes."""
    assert aftermath.only_whole_blobs(layout)
    assert aftermath.names_in(layout) in ([], [whole.name], [whole.origin])
    assert not (layout / "index.json").exists() or aftermath.verified(layout)


def check(pull: Pull, whole: Whole) -> None:
    assert aftermath.contents_of(pull.layout) == whole.contents
    assert aftermath.verified(pull.layout)
    assert aftermath.no_parts(pull.layout)


@pytest.mark.parametrize("seed", range(12))
def test_what_was_kept_of_a_killed_pull_is_not_fetched_again(
    line: Sluice, whole: Whole, tmp_path: Path, seed: int
) -> None:
    pull, point = Pull(whole.name, tmp_path), random.Random(seed).randrange(whole.blobs)
    line.pause = 0.001
    child = children.start(pull)
    wait_until(lambda: aftermath.bytes_in(pull.layout) >= point, child)
    child.kill()
    line.hang_up()
    line.pause = 0.0
    check_remains(pull.layout, whole)
    missing = aftermath.missing_bytes(pull.layout, whole.layers)
    pulled = children.pull_in_child(pull)
    assert sum(row["fetched_bytes"] for row in pulled.rows if row["digest"] in whole.layers) == missing
    assert missing <= line.hang_up() <= missing + whole.config
    check(pull, whole)


@pytest.mark.parametrize("seed", range(5))
def test_of_two_pulls_each_byte_passes_the_line_once(line: Sluice, whole: Whole, tmp_path: Path, seed: int) -> None:
    pull = Pull(whole.name, tmp_path, destination=tmp_path / "layout")
    point = random.Random(seed).randrange(whole.config, whole.blobs)
    kill_when_held(point, pull, whole, line)
    pulled = children.pull_in_child(pull)
    assert pulled.fetched == line.hang_up() == whole.blobs - point
    check(pull, whole)


def kill_when_held(point: int, pull: Pull, whole: Whole, line: Sluice) -> None:
    """Let so many bytes pass, and kill the process when it has them.

    One that keeps all that it reads has them soon, without being asked to hurry. So nothing is in flight when it dies.
    """
    line.let_pass(point)
    child = children.start(pull)
    wait_until(lambda: aftermath.bytes_in(pull.layout) == whole.manifest + point, child)
    child.kill()
    assert line.hang_up() == point


def test_what_a_power_cut_must_not_take_is_on_the_disk_before_it_has_a_name(whole: Whole, tmp_path: Path) -> None:
    # No process can be killed as hard as that, so this is about the order in which it asks.
    pull = Pull(whole.origin, tmp_path)
    told = [tuple(paths) for paths in children.Child(partial(watched, pull)).result()]
    assert {str(pull.layout / name) for name in whole.contents} <= {paths[-1] for paths in told}
    layers = {str(pull.layout / "blobs" / digest.replace(":", "/")) for digest in whole.layers}
    settled: set[str] = set()
    for source, *target in told:
        if not target:
            settled.add(source)
        elif target[0] in layers:
            assert source in settled, "a layer is moved when it is on the disk"
            settled.add(target[0])
        elif Path(target[0]).name == "index.json":
            assert source in settled
            last = settled.copy()
    assert {str(path) for path in aftermath.blobs_of(pull.layout)} <= last, "an image is named when all of it is"


def watched(pull: Pull) -> list[tuple[str, ...]]:
    told: list[tuple[str, ...]] = []
    mischief.watch_disk(told)
    assert children.run(pull).error is None
    return told


def test_a_pull_that_dies_at_any_step_leaves_nothing_wrong(whole: Whole, tmp_path: Path) -> None:
    # It takes some seconds: two processes for each of some seventy steps, until one comes through.
    with in_memory(tmp_path) as memory:
        step = next(step for step in range(1, 1000) if not dies_well(step, whole, memory / str(step)))
    assert 40 < step < 999


def test_one_that_takes_over_what_a_dead_one_left_and_dies_at_any_step_leaves_nothing_wrong(
    line: Sluice, whole: Whole, tmp_path: Path
) -> None:
    begun = Pull(whole.name, tmp_path / "begun")
    kill_when_held(1_500_000, begun, whole, line)
    with in_memory(tmp_path) as memory:
        homes = (shutil.copytree(begun.home, memory / str(step)) for step in range(1, 1000))
        step = next(step for step, home in enumerate(homes, 1) if not dies_well(step, whole, home))
    assert 40 < step < 999


def dies_well(step: int, whole: Whole, home: Path) -> bool:
    """Let a pull die at a step, and see that the next one makes it good; say whether it died."""
    # Straight from the registry, which takes half the time. And one layer at a time, so that the steps are the same in
    # each process.
    dying = Pull(whole.origin, home, options={"concurrency": 1}, first=(partial(mischief.die_at_step, step),))
    before = aftermath.missing_bytes(dying.layout, whole.layers)
    ended = children.start(dying).wait()
    check_remains(dying.layout, whole)
    missing = aftermath.missing_bytes(dying.layout, whole.layers)
    assert missing <= before, "nothing was lost"
    pulled = children.pull_in_child(Pull(whole.origin, home))
    assert missing <= pulled.fetched <= missing + whole.config
    assert aftermath.contents_of(dying.layout) == whole.contents_at_origin
    assert aftermath.verified(dying.layout)
    assert aftermath.no_parts(dying.layout)
    shutil.rmtree(home)
    assert ended in (0, -signal.SIGKILL)
    return ended != 0
