"""Whoever draws is called from one thread, at an even pace, and no more once it is over."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace

import pytest

from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.progress import NoProgress, Progress, choose_progress
from ocinb.progress import State as StateChoice
from ocinb.progress.protocol import State, Task
from ocinb.progress.renderer import DrawnProgress, Pulse
from ocinb.progress.stats import Tally
from ocinb.progress.terminal import TerminalProgress
from ocinb.progress.widgets import WidgetProgress
from tests.patience import SECONDS
from tests.progress.hand import Hand

_TASK = Task("blob", "blob", 100)
LATE = partial(Pulse, delay=600.0)


class Diary(DrawnProgress):
    """Writes down what it should have drawn."""

    def __init__(self, pulse: Callable[[Callable[[], object]], Pulse] = Pulse) -> None:
        super().__init__(pulse=pulse)
        self.lines: list[str] = []
        self.drawn = threading.Event()

    def _open(self, title: str, tasks: Sequence[Task], tally: Tally) -> None:
        self.lines.append(f"open {title} {len(tasks)} of {tally.overall().tasks}")

    def _draw(self, tally: Tally) -> None:
        if tally.status("blob").state is State.VERIFYING:
            self.drawn.set()

    def _close(self, summary: str) -> None:
        self.lines.append(f"close {summary}")


class Broken(Diary):
    """Is shown on a screen that breaks at some point."""

    def __init__(self, at: str) -> None:
        super().__init__(pulse=Hand)
        self._at = at

    def _break(self, at: str) -> None:
        self.lines.append(at)
        if at == self._at:
            raise OSError(at)

    def _open(self, title: str, tasks: Sequence[Task], tally: Tally) -> None:
        super()._open(title, tasks, tally)
        self._break("open")

    def _draw(self, tally: Tally) -> None:
        super()._draw(tally)
        self._break("draw")

    def _close(self, summary: str) -> None:
        super()._close(summary)
        self._break("close")


def _hand(progress: DrawnProgress) -> Hand:
    assert isinstance(progress._pulse, Hand)
    return progress._pulse


def test_the_last_word_before_a_silence_is_drawn() -> None:
    progress = Diary()
    progress.start("Pulling", [_TASK])
    progress.state("blob", State.VERIFYING)
    assert progress.drawn.wait(SECONDS)
    progress.finish("over")
    assert progress.lines == ["open Pulling 1 of 1", "close over"]


def test_finish_ends_the_thread_and_may_come_twice() -> None:
    progress = Diary(pulse=LATE)
    progress.start("Pulling", [_TASK])
    progress.finish("over")
    progress.finish("over again")
    assert progress.lines == ["close over"]
    assert "ocinb-progress" not in {thread.name for thread in threading.enumerate()}


def test_stragglers_are_not_minded() -> None:
    progress = Diary()
    progress.advance("blob", 1)
    progress.state("blob", State.FAILED)
    progress.finish("never began")
    assert progress.lines == []


def test_what_nobody_announced_is_not_minded() -> None:
    progress = Diary(pulse=Hand)
    progress.start("Pulling", [_TASK])
    progress.advance("stranger", 1)
    progress.state("stranger", State.FAILED)
    assert progress._tally is not None
    assert (progress._tally.overall().here, progress._tally.overall().failed) == (0, 0)
    progress.finish("over")


def test_an_interrupt_while_the_thread_ends_takes_the_bars_down(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Diary(pulse=LATE)
    progress.start("Pulling", [_TASK])
    assert progress._pulse is not None
    thread, joins = progress._pulse._thread, [KeyboardInterrupt]
    join = thread.join

    def interrupted() -> None:
        if joins:
            raise joins.pop()
        join()

    monkeypatch.setattr(thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        progress.finish("interrupted twice")
    assert progress.lines == ["close interrupted twice"]
    progress.finish("and over")
    assert progress.lines == ["close interrupted twice"]


@pytest.mark.parametrize("at", ["open", "draw", "close"])
def test_a_screen_that_breaks_stays_dark_and_breaks_nothing_else(at: str, caplog: pytest.LogCaptureFixture) -> None:
    progress = Broken(at)
    with caplog.at_level("DEBUG", "ocinb"):
        progress.start("Pulling", [_TASK])
        _hand(progress).beat()
        _hand(progress).beat()
        progress.advance("blob", 1)
        progress.finish("over")
    assert progress.lines.count(at) == 1
    assert progress.lines[-2:] == ["close over", "close"], "what can be taken down is"
    assert [record.levelname for record in caplog.records] == ["DEBUG"], "louder would be written to that very screen"


class ZMQInteractiveShell:
    """Has the name by which a kernel's shell is known."""


class ColabShell(ZMQInteractiveShell):
    pass


def _inside(monkeypatch: pytest.MonkeyPatch, *, shell: object = None, tty: bool = False) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: tty))


def test_false_draws_nothing() -> None:
    assert isinstance(choose_progress(progress=False), NoProgress)


def test_an_object_is_taken_as_it_is() -> None:
    mine = NoProgress()
    assert choose_progress(mine) is mine


@pytest.mark.parametrize("asked", [None, True])
@pytest.mark.parametrize(
    ("shell", "tty", "expected"),
    [
        (ZMQInteractiveShell(), False, WidgetProgress),
        (ColabShell(), False, WidgetProgress),
        (object(), True, TerminalProgress),
        (None, True, TerminalProgress),
        (None, False, NoProgress),
    ],
)
def test_the_place_chooses(
    monkeypatch: pytest.MonkeyPatch, *, shell: object, tty: bool, expected: type, asked: bool | None
) -> None:
    _inside(monkeypatch, shell=shell, tty=tty)
    assert type(choose_progress(asked)) is expected


def test_without_a_console_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    _inside(monkeypatch)
    monkeypatch.setattr(sys, "stderr", None)
    assert isinstance(choose_progress(None), NoProgress)


def test_on_a_closed_or_foreign_standard_error_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    _inside(monkeypatch)
    closed = io.StringIO()
    closed.close()
    for stream in (closed, object()):
        monkeypatch.setattr(sys, "stderr", stream)
        assert isinstance(choose_progress(None), NoProgress)


@pytest.mark.parametrize("asked", [None, True])
def test_the_setting_turns_the_automatic_off(monkeypatch: pytest.MonkeyPatch, *, asked: bool | None) -> None:
    _inside(monkeypatch, shell=ZMQInteractiveShell(), tty=True)
    monkeypatch.setattr(settings, "progress", False)
    assert isinstance(choose_progress(asked), NoProgress)


@pytest.mark.parametrize("wrong", ["bar", 1, 0, object(), print])
def test_anything_else_is_refused(wrong: Progress) -> None:
    with pytest.raises(InvalidError, match="start, advance, state and finish"):
        choose_progress(wrong)


def test_a_class_is_refused_with_a_hint() -> None:
    with pytest.raises(InvalidError, match=r"Try TerminalProgress\(\)"):
        choose_progress(TerminalProgress)  # type: ignore[arg-type]  # the mistake that people make


def test_no_progress_takes_everything() -> None:
    progress = NoProgress()
    progress.start("title", [])
    progress.advance("nobody", -1)
    progress.state("nobody", StateChoice.FAILED)
    progress.finish("over")
    assert isinstance(progress, Progress)
