"""Watching: a few words a second, and an end where somebody wants one."""

import pytest

from ocinb.notebook.explore import widget
from ocinb.notebook.explore.widget import Stopped, Watch
from ocinb.progress.protocol import State, Task

TASKS = [Task("one", "one", 1_000_000), Task("two", "two", 3_000_000)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(widget, "monotonic", lambda: now[0])
    return now


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
