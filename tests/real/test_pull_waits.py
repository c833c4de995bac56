"""A pull that has to wait: for a registry that was killed, for another process, or until somebody says stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import TransportError
from ocinb.progress.protocol import NoProgress
from tests.patience import SECONDS, Stopwatch
from tests.real import aftermath, badlines, children
from tests.real.badlines import LEFT, Layer
from tests.real.children import Child, Pull
from tests.real.dockerregistry import DockerRegistry
from tests.real.faultproxy import Fault, FaultProxy
from tests.real.faults import HANG_UP, RESET, SILENCE, cut, no_answer, refused
from tests.real.processes import promised
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real


class Killer(NoProgress):
    """Kills a registry in the middle of a layer."""

    def __init__(self, registry: DockerRegistry, layer: Layer) -> None:
        self.killed = threading.Event()
        self.came: list[int] = []
        self._registry = registry
        self._layer = layer

    def advance(self, key: str, amount: int) -> None:
        if key != self._layer.digest:
            return
        self.came.append(amount)
        if sum(self.came) > LEFT and not self.killed.is_set():
            self._registry.server.kill()
            self.killed.set()


@pytest.fixture
def _real_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait as long between two questions as people do, and tests mostly do not."""
    monkeypatch.setattr("ocinb.network.retry.FIRST_PAUSE_SECONDS", 0.5)


@pytest.mark.usefixtures("_real_pauses")
@pytest.mark.parametrize("seconds", [0, 1])
def test_a_registry_that_is_killed_and_comes_back_is_waited_for(
    seconds: float, mortal: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    large = badlines.largest_layer(real_images.debian_oci)
    name, place, killer = mortal.reference(large.reference), tmp_path / "pulled", Killer(mortal, large)
    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(ocinb.pull, name, destination=place, progress=killer)
        assert killer.killed.wait(SECONDS)
        time.sleep(seconds)
        with badlines.risen(mortal, tmp_path / "risen") as registry:
            frame = pulling.result(SECONDS)
            assert badlines.is_well(place, name, origin=large.reference)
            assert 206 in registry.statuses
    assert frame["fetched_bytes"].tolist() == frame["blob_bytes"].tolist()
    assert (sum(killer.came), min(killer.came) > 0) == (large.size, True), "it went on, and did not begin anew"


@pytest.mark.usefixtures("_real_pauses")
def test_a_registry_that_is_killed_for_good_is_named_and_the_next_pull_goes_on(
    mortal: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    large = badlines.largest_layer(real_images.debian_oci)
    name, place, killer = mortal.reference(large.reference), tmp_path / "pulled", Killer(mortal, large)
    ocinb.settings.retries = 1
    with pytest.raises(TransportError, match=f"{mortal.host} cannot be reached: Connection refused") as caught:
        ocinb.pull(name, destination=place, progress=killer)
    hint = str(caught.value.hint)  # it may be that of a blob of which nothing has come
    assert hint.endswith("What came is kept; the next pull goes on from there")
    assert "name right" not in hint
    assert badlines.is_clean(place)
    assert aftermath.names_in(place) == []
    kept = aftermath.kept_of(place, large.digest)
    assert LEFT < kept == sum(killer.came)
    with badlines.risen(mortal, tmp_path / "risen"):
        frame = ocinb.pull(name, destination=place, progress=False).set_index("digest")
        assert badlines.is_well(place, name, origin=large.reference)
    assert tuple(frame.loc[large.digest, ["outcome", "fetched_bytes"]]) == ("resumed", large.size - kept)


def test_of_several_processes_one_goes_over_the_bad_line(proxy: FaultProxy, layer: Layer, tmp_path: Path) -> None:
    proxy.follow(layer.digest, [cut(LEFT, RESET), cut(LEFT, HANG_UP)])
    name, place = proxy.name(layer.reference), tmp_path / "pulled"
    at_work = [children.start(Pull(name, tmp_path / str(number), place)) for number in range(3)]
    outcomes = [child.result().outcomes for child in at_work]
    assert all("downloaded" in own or set(own) == {"present"} for own in outcomes)
    assert proxy.firsts(layer.digest) == [0, LEFT, 2 * LEFT]
    assert proxy.sent[layer.digest] == layer.size
    assert badlines.is_well(place, name, origin=layer.reference)


def stopped_in(pull: Pull) -> tuple[float, list[str]]:
    """Pull until somebody says stop; give when that was heard, and the threads that are left a moment later."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        children.run(pull)
    except KeyboardInterrupt:
        heard = time.monotonic()
        while threading.active_count() > 1 and time.monotonic() < heard + SECONDS:
            time.sleep(0.01)
        return heard, [thread.name for thread in threading.enumerate()]
    raise AssertionError("it came to an end")


@dataclass(frozen=True)
class Wait:
    """What is waited for: how each question is answered, how many there are before it, and what has come by then."""

    name: str
    fault: Fault
    questions: int
    kept: int


WAITS = [
    Wait("a blob that has fallen silent", cut(LEFT, SILENCE), 1, LEFT),
    Wait("an answer that does not come", no_answer(SILENCE), 1, 0),
    Wait("the end of a pause that was asked for", refused(503, retry_after="50"), 1, 0),
    Wait("the next try after a blob that broke", cut(LEFT, RESET), 3, 3 * LEFT),
]


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.name)
def test_ctrl_c_is_heard_by_who_waits_for(wait: Wait, proxy: FaultProxy, layer: Layer, tmp_path: Path) -> None:
    proxy.follow(layer.digest, [], then=wait.fault)
    pull = Pull(proxy.name(layer.reference), tmp_path, options={"retries": 9})
    child, deadline = Child(partial(stopped_in, pull)), time.monotonic() + SECONDS
    while len(proxy.firsts(layer.digest)) < wait.questions or aftermath.kept_of(pull.layout, layer.digest) < wait.kept:
        assert time.monotonic() < deadline, "it does not ask"
        time.sleep(0.01)
    with Stopwatch() as watch:
        sent = time.monotonic()  # this clock is one for all processes
        os.kill(child.process.pid or 0, signal.SIGINT)
        heard, threads = child.result()
    assert (watch.between(sent, heard) < promised(2), threads) == (True, ["MainThread"])
    assert aftermath.kept_of(pull.layout, layer.digest) == wait.kept
    assert badlines.is_clean(pull.layout)
    proxy.follow(layer.digest, [])
    again = children.pull_in_child(pull)
    assert again.outcome_of(layer.digest) == ("resumed" if wait.kept else "downloaded")
    assert proxy.sent[layer.digest] == layer.size
    assert badlines.is_well(pull.layout, proxy.name(layer.reference), origin=layer.reference)
