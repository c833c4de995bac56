"""Clocks that are wrong, or jump: no part is lost for it, none is believed for it, and no tag stays as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from tests.real import aftermath, children, mischief
from tests.real.children import Pull
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import Layout, RealImages
from tests.real.sluices import Sluice, sluice

pytestmark = pytest.mark.real

TEN_YEARS = 3652 * 24 * 3600.0
ENOUGH = 1_200_000


@dataclass(frozen=True)
class Broken:
    """A pull that was killed in the middle."""

    pull: Pull
    line: Sluice
    layers: dict[str, int]

    def missing(self) -> int:
        """Say how many bytes are not there; the config is."""
        return aftermath.missing_bytes(self.pull.layout, self.layers)

    def fetches(self, *first: partial[None]) -> int:
        """Pull again, in a process that does something to itself, and say how many bytes come."""
        pulled = children.pull_in_child(replace(self.pull, first=first))
        assert pulled.error is None
        assert aftermath.only_whole_blobs(self.pull.layout)
        assert aftermath.names_in(self.pull.layout) == [self.pull.reference]
        return self.line.hang_up()


@pytest.fixture
def broken(docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path) -> Iterator[Broken]:
    with sluice(docker_registry.host) as (relay, line):
        yield break_off(Pull(relay.name(real_images.busybox_oci), tmp_path, options={"concurrency": 1}), line)


def break_off(pull: Pull, line: Sluice) -> Broken:
    line.let_pass(ENOUGH)
    child = children.start(pull)
    while aftermath.bytes_in(pull.layout) < ENOUGH:
        assert child.process.is_alive()
        time.sleep(0.001)
    child.kill()
    line.hang_up()
    return Broken(pull, line, aftermath.layers_of(str(pull.reference)))


@pytest.mark.parametrize("jump", [TEN_YEARS, -TEN_YEARS])
@pytest.mark.parametrize("after", [0, 3, 10])
def test_a_clock_that_jumps_in_the_middle_changes_nothing(
    real_images: RealImages, tmp_path: Path, jump: float, after: int
) -> None:
    first = (partial(mischief.jump_clock, jump, after=after),)
    pull = Pull(real_images.busybox_oci, tmp_path, first=first)
    assert children.pull_in_child(pull).outcomes == ["downloaded"] * 4
    assert children.pull_in_child(replace(pull, first=())).outcomes == ["present"] * 4
    assert aftermath.only_whole_blobs(pull.layout)
    assert aftermath.no_parts(pull.layout)
    assert aftermath.verified(pull.layout)


@pytest.mark.parametrize("jump", [TEN_YEARS, -TEN_YEARS])
def test_what_a_dead_process_left_is_taken_up_whatever_the_clock_says(broken: Broken, jump: float) -> None:
    missing = broken.missing()
    assert 0 < missing < sum(broken.layers.values())
    assert broken.fetches(partial(mischief.jump_clock, jump)) == missing
    assert aftermath.no_parts(broken.pull.layout)
    assert aftermath.verified(broken.pull.layout)


@pytest.mark.parametrize("age", [TEN_YEARS, -TEN_YEARS])
def test_when_a_file_was_written_makes_it_no_better_and_no_worse(broken: Broken, age: float) -> None:
    missing, then = broken.missing(), time.time() - age
    for path in (*aftermath.blobs_of(broken.pull.layout), *aftermath.parts_of(broken.pull.layout)):
        os.utime(path, (then, then))
    assert broken.fetches() == missing
    assert aftermath.no_parts(broken.pull.layout)
    assert aftermath.verified(broken.pull.layout)


def test_what_was_left_half_written_goes_whenever_that_was(broken: Broken) -> None:
    folder = broken.pull.layout / ".ocinb" / "new"
    ages = {"4711-00000000000000aa": 0.0, "4711-00000000000000bb": TEN_YEARS, "4711-00000000000000cc": -TEN_YEARS}
    for name, age in ages.items():
        (folder / name).write_bytes(b"half of a docu")
        os.utime(folder / name, (time.time() - age, time.time() - age))
    assert broken.fetches() > 0
    assert [path.name for path in folder.iterdir()] == ["4711-00000000000000aa"]


def move_to_another_machine(broken: Broken, *, age: float) -> Path:
    """Let the one part be of a process on another machine, which wrote to it some seconds ago."""
    [part] = aftermath.parts_of(broken.pull.layout)
    blob, _, rest = part.name.split(".", 2)
    moved = part.rename(part.with_name(f"{blob}.elsewhere.{rest}"))
    os.utime(moved, (time.time() - age, time.time() - age))
    return moved


def test_what_another_machine_left_long_ago_is_taken_up(broken: Broken) -> None:
    missing = broken.missing()
    move_to_another_machine(broken, age=660)
    assert broken.fetches() == missing
    assert aftermath.no_parts(broken.pull.layout)
    assert aftermath.verified(broken.pull.layout)


def test_what_another_machine_writes_now_is_left_to_it(broken: Broken) -> None:
    missing = broken.missing()
    part = move_to_another_machine(broken, age=5)
    written = part.read_bytes()
    assert broken.fetches() == missing + len(written)
    assert aftermath.parts_of(broken.pull.layout) == [part]
    assert part.read_bytes() == written


def test_what_another_machine_left_is_not_believed(broken: Broken) -> None:
    missing = broken.missing()
    part = move_to_another_machine(broken, age=0)
    size = part.stat().st_size
    part.write_bytes(b"x" * size)
    os.utime(part, (0, 0))
    # First what seems to be missing, and when that does not fit, all of this layer once more.
    [whole] = [size for digest, size in broken.layers.items() if digest.removeprefix("sha256:") in part.name]
    assert broken.fetches() == missing + whole
    assert aftermath.no_parts(broken.pull.layout)
    assert aftermath.verified(broken.pull.layout)


@pytest.mark.parametrize("jump", [TEN_YEARS, -TEN_YEARS])
def test_a_tag_that_was_asked_for_at_a_wrong_time_is_asked_for_again(
    docker_registry: DockerRegistry, busybox_layout: Layout, tmp_path: Path, jump: float
) -> None:
    # Else what was kept in 2036 would be young for ten years.
    tag = f"real/moved:{'late' if jump > 0 else 'early'}"
    reference = docker_registry.push(busybox_layout.reference, tag)
    wrong = Pull(reference, tmp_path, first=(partial(mischief.jump_clock, jump),))
    before = children.pull_in_child(wrong).rows[0]["digest"]
    docker_registry.push(f"oci:{busybox_layout.path}:arm64", tag)
    after = children.pull_in_child(replace(wrong, first=(), platform="linux/arm64"))
    assert after.error is None
    assert after.rows[0]["digest"] != before
    assert aftermath.accepted_by_peers(wrong.layout, reference)
