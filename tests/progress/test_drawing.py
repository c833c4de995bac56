"""Whoever draws is called from one thread, at an even pace, and no more once it is over."""

import threading
from collections.abc import Callable, Sequence

import pytest

from ocinb.progress.drawing import INTERVAL, DrawnProgress, Pulse
from ocinb.progress.protocol import State, Task
from ocinb.progress.tally import Tally

_TASK = Task("blob", "blob", 100)


class Diary(DrawnProgress):
    """Writes down what it should have drawn."""

    def __init__(self, pulse: Callable[[Callable[[], object]], Pulse] = Pulse) -> None:
        super().__init__(pulse=pulse)
        self.lines: list[str] = []
        self.drawn = threading.Event()

    def _open(self, title: str, tasks: Sequence[Task]) -> None:
        self.lines.append(f"open {title} {len(tasks)}")

    def _draw(self, tally: Tally) -> None:
        if tally.status("blob").state is State.VERIFYING:
            self.drawn.set()

    def _close(self, summary: str) -> None:
        self.lines.append(f"close {summary}")


class Interrupted(Diary):
    def _open(self, title: str, tasks: Sequence[Task]) -> None:
        super()._open(title, tasks)
        raise KeyboardInterrupt


def test_the_last_word_before_a_silence_is_drawn() -> None:
    progress = Diary()
    progress.start("Pulling", [_TASK])
    progress.state("blob", State.VERIFYING)
    assert progress.drawn.wait(10)
    progress.finish("over")
    assert progress.lines == ["open Pulling 1", "close over"]


def test_finish_ends_the_thread_and_may_come_twice() -> None:
    progress = Diary()
    progress.start("Pulling", [_TASK])
    progress.finish("over")
    progress.finish("over again")
    assert progress.lines == ["open Pulling 1", "close over"]
    assert "ocinb-progress" not in {thread.name for thread in threading.enumerate()}


def test_stragglers_are_not_minded() -> None:
    progress = Diary()
    progress.advance("blob", 1)
    progress.state("blob", State.FAILED)
    progress.finish("never began")
    assert progress.lines == []


def test_a_second_start_ends_the_first() -> None:
    progress = Diary()
    progress.start("first", [_TASK])
    progress.start("second", [_TASK])
    progress.finish("over")
    assert progress.lines == ["open first 1", "close first", "open second 1", "close over"]


def test_an_interrupt_while_the_bars_go_up_leaves_the_line() -> None:
    progress = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        progress.start("Pulling", [_TASK])
    progress.finish("interrupted")
    assert progress.lines[-1] == "close interrupted"


def test_an_interrupt_while_the_thread_ends_takes_the_bars_down() -> None:
    class Stubborn(Pulse):
        def start(self) -> None:
            """Need no thread."""

        def stop(self) -> None:
            raise KeyboardInterrupt

    progress = Diary(pulse=Stubborn)
    progress.start("Pulling", [_TASK])
    with pytest.raises(KeyboardInterrupt):
        progress.finish("interrupted twice")
    assert progress.lines[-1] == "close interrupted twice"


def test_strangers_text_stays_on_its_line() -> None:
    progress = Diary()
    progress.start("Pulling\x1b[2J", [_TASK])
    progress.finish("one\ntwo\r")
    assert progress.lines == ["open Pulling\\x1b[2J 1", "close one\\ntwo\\r"]


def test_a_pulse_waits_its_interval_between_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[str] = []
    pulse = Pulse(lambda: beats.append("beat"))
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 3

    monkeypatch.setattr(pulse._stopped, "wait", wait)
    pulse._run()
    assert beats == ["beat"] * 3
    assert waits == [INTERVAL] * 4
    assert INTERVAL == 0.1
