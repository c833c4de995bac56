"""Watching: a few words a second, and an end where somebody wants one."""

import pytest

from ocinb.notebook.explore import widget
from ocinb.notebook.explore.widget import Stopped, Watch
from ocinb.progress.protocol import Progress, State, Task

TASKS = [Task("one", "one", 1_000_000), Task("two", "two", 3_000_000)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(widget, "monotonic", lambda: now[0])
    return now


def test_it_tells_bytes_and_layers_and_not_too_often(clock: list[float]) -> None:
    told: list[str] = []
    watch = Watch(told.append)
    assert isinstance(watch, Progress)
    watch.start("Reading", TASKS)
    watch.advance("one", 500_000)
    watch.state("one", State.DONE)
    assert told == ["0 B of 4.0 MB, 0 of 2 layers read"]
    clock[0] += 1
    watch.advance("two", 1_500_000)
    watch.finish("done")
    assert told[1:] == ["2.0 MB of 4.0 MB, 1 of 2 layers read"]


def test_bytes_that_are_taken_back_are_no_less_than_none(clock: list[float]) -> None:
    told: list[str] = []
    watch = Watch(told.append)
    watch.start("Reading", TASKS)
    clock[0] += 1
    watch.advance("one", -10)
    assert told[-1].startswith("0 B of ")


def test_each_step_ends_what_was_stopped() -> None:
    watch = Watch(lambda _: None)
    watch.start("Reading", TASKS)
    watch.stop()
    with pytest.raises(Stopped):
        watch.advance("one", 1)
    with pytest.raises(Stopped):
        watch.state("one", State.DONE)
    with pytest.raises(Stopped):
        watch.start("Reading", TASKS)
