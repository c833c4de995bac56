"""Several processes that pull into one store at a time: each gets what it wants, and nobody spoils anything."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.patience import SECONDS
from tests.real import aftermath, children, mischief
from tests.real.children import Pull
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import RealImages
from tests.real.relays import Relay
from tests.real.sluices import Sluice, sluice

pytestmark = pytest.mark.real


@pytest.fixture
def slow(docker_registry: DockerRegistry) -> Iterator[tuple[Relay, Sluice]]:
    """Open a line so slow that nobody is done before all have begun."""
    with sluice(docker_registry.host) as (relay, line):
        line.pause = 0.001
        yield relay, line


def pull_at_once(*pulls: Pull) -> list[list[str]]:
    """Let each pull in a process of its own; give what became of each blob, by process."""
    started = [children.start(pull) for pull in pulls]
    pulled = [child.result() for child in started]
    assert [result.error for result in pulled] == [None] * len(pulls)
    return [result.outcomes for result in pulled]


def check(layout: Path) -> None:
    assert aftermath.only_whole_blobs(layout)
    assert aftermath.verified(layout)
    assert aftermath.parts_of(layout) == []


@pytest.mark.parametrize("processes", [2, 4])
def test_one_image_by_several_processes(
    slow: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path, processes: int
) -> None:
    relay, line = slow
    pull = Pull(relay.name(real_images.busybox_oci), tmp_path)
    pull_at_once(*[pull] * processes)
    check(pull.layout)
    assert aftermath.names_in(pull.layout) == [pull.reference]
    assert aftermath.accepted_by_peers(pull.layout, str(pull.reference), origin=real_images.busybox_oci)
    line.hang_up()
    assert set(children.pull_in_child(pull).outcomes) == {"present"}
    assert line.hang_up() == 0


def test_images_that_share_layers_and_platforms_of_one_index(
    slow: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path
) -> None:
    wanted = [real_images.busybox_oci, *real_images.index_children.values(), real_images.index]
    pulls = [Pull(slow[0].name(origin), tmp_path, platform="all") for origin in wanted]
    pull_at_once(*pulls)
    layout = pulls[0].layout
    check(layout)
    platforms = [f"{pulls[-1].reference}-{architecture}" for architecture in real_images.index_children]
    assert aftermath.names_in(layout) == sorted([*(str(pull.reference) for pull in pulls), *platforms])
    for pull, origin in zip(pulls, wanted, strict=True):
        assert aftermath.accepted_by_peers(layout, str(pull.reference), origin=origin)


def test_a_folder_and_the_store_at_once_have_nothing_to_do_with_each_other(
    slow: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path
) -> None:
    name = slow[0].name(real_images.busybox_oci)
    own, apart = Pull(name, tmp_path), Pull(name, tmp_path, destination=tmp_path / "apart")
    outcomes = pull_at_once(own, apart)
    assert outcomes == [["downloaded"] * 4] * 2
    assert aftermath.contents_of(own.layout) == aftermath.contents_of(apart.layout)
    check(own.layout)
    check(apart.layout)


@pytest.mark.parametrize("weakness", [mischief.refuse_locks, mischief.keep_locks_to_oneself])
def test_where_no_locks_work_or_reach_nobody_else_it_costs_bytes_and_nothing_more(
    slow: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path, weakness: Callable[[], None]
) -> None:
    pull = Pull(slow[0].name(real_images.busybox_oci), tmp_path, first=(partial(weakness),))
    pull_at_once(pull, pull, pull)
    check(pull.layout)
    assert aftermath.names_in(pull.layout) == [pull.reference]
    assert aftermath.accepted_by_peers(pull.layout, str(pull.reference), origin=real_images.busybox_oci)


def test_one_that_dies_is_taken_over_by_one_that_waits(
    slow: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path
) -> None:
    pull = Pull(slow[0].name(real_images.busybox_oci), tmp_path)
    first, second = children.start(pull), children.start(pull)
    while aftermath.bytes_in(pull.layout) < 1_000_000:
        assert first.process.is_alive()
        time.sleep(0.001)
    first.kill()
    assert second.result().error is None
    assert aftermath.accepted_by_peers(pull.layout, str(pull.reference), origin=real_images.busybox_oci)
    # It may have died waiting for what the other had completed: what it leaves then goes with the next pull.
    assert set(children.pull_in_child(pull).outcomes) == {"present"}
    check(pull.layout)


@pytest.mark.parametrize("seed", range(4))
def test_several_that_are_killed_one_after_the_other_again_and_again(
    slow: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    wanted = [real_images.busybox_oci, *real_images.index_children.values()]
    pulls = [Pull(slow[0].name(origin), tmp_path, platform="all") for origin in wanted]
    layout = pulls[0].layout
    for limit in (700_000, 1_400_000, 2_100_000):
        points = sorted(chance.randrange(limit) for _ in pulls)
        started = [children.start(pull) for pull in pulls]
        for child, point in zip(chance.sample(started, len(started)), points, strict=True):
            while aftermath.bytes_in(layout) < point and child.process.is_alive():
                time.sleep(0.001)
            child.kill()
        assert aftermath.only_whole_blobs(layout)
    pull_at_once(*pulls)
    assert set(children.pull_in_child(pulls[0]).outcomes) == {"present"}
    check(layout)
    for pull, origin in zip(pulls, wanted, strict=True):
        assert aftermath.accepted_by_peers(layout, str(pull.reference), origin=origin)


FORK = """
import os, sys, ocinb
ocinb.pull(sys.argv[1], destination=sys.argv[3], progress=False)
child = os.fork()
said = ocinb.pull(sys.argv[2], destination=sys.argv[3], progress=False)["outcome"].tolist()
told = " ".join(["parent" if child else "child", *said])
os.write(1, f"{told}\\n".encode())  # at once, for both write here
if child:
    os.write(1, f"{os.waitpid(child, 0)[1]}\\n".encode())
"""


def run_program(code: str, *arguments: str, home: Path) -> str:
    """Run a program with a store of its own, and give what it prints."""
    own = {"OCINB_STORE_DIR": str(home / "store"), "OCINB_CACHE_DIR": str(home / "cache")}
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code, *arguments]
    done = subprocess.run(
        command, env={**os.environ, **own}, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_process_that_forked_after_a_pull_pulls_in_both(
    slow: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path
) -> None:
    arm64 = real_images.index_children["arm64"]
    first, *others = (slow[0].name(name) for name in (real_images.busybox_oci, arm64))
    said = run_program(FORK, first, *others, str(tmp_path / "layout"), home=tmp_path).splitlines()
    # Each has a connection of its own: over one of both, each would read what the other asked for.
    outcomes = dict(line.split(" ", 1) for line in said[:2])
    assert outcomes.keys() == {"child", "parent"}
    # Both fetch the config, or the slower one finds it.
    assert set(outcomes.values()) <= {f"{config} present present present" for config in ("downloaded", "present")}
    assert said[2:] == ["0"], "the child came to a good end"
    check(tmp_path / "layout")
    for name, origin in zip((first, *others), (real_images.busybox_oci, arm64), strict=True):
        assert aftermath.accepted_by_peers(tmp_path / "layout", name, origin=origin)


FORK_MEANWHILE = """
import os, sys, threading, time, ocinb
from pathlib import Path
from ocinb.storage.layout import Layout

pulling = threading.Thread(target=ocinb.pull, args=(sys.argv[1],), kwargs={"progress": False})
pulling.start()
parts = Path(os.environ["OCINB_STORE_DIR"], ".ocinb", "parts")

def begun():
    try:
        return any(part.stat().st_size for part in parts.glob("*"))
    except FileNotFoundError:  # it was completed before it was looked at
        return False

while not begun():
    time.sleep(0.001)
to_child, from_parent = os.pipe()
if os.fork() == 0:
    os.close(from_parent)
    os.read(to_child, 1)  # until the other is gone
    os._exit(0)
pulling.join()
with Layout(ocinb.settings.store_dir, private=True).unless_in_use() as free:
    print(free)
print(ocinb.pull(sys.argv[2], progress=False)["outcome"].tolist()[1:])
"""


def test_a_child_that_was_forked_in_the_middle_of_a_pull_holds_no_lock_after_it(
    slow: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path
) -> None:
    # It has all open files of its parent, and so the locks on them, for as long as it lives.
    names = [slow[0].name(name) for name in (real_images.busybox_oci, real_images.index_children["amd64"])]
    done = run_program(FORK_MEANWHILE, *names, home=tmp_path)
    assert done == "True\n['present', 'present', 'present']\n"
    check(tmp_path / "store")
