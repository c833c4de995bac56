"""A panel that came a moment ago stands until its page has drawn it, or until the cell ends."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest

from ocinb.progress import widgets
from ocinb.progress.protocol import Task
from ocinb.progress.renderer import SETTLED, Leaving
from ocinb.progress.widgets import WidgetProgress
from tests.progress.hand import Hand, beat
from tests.progress.test_widgets import Screen


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Shell:
    """Stands where IPython's shell stands."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.events = SimpleNamespace(register=lambda event, heard: self.heard.append((event, heard)))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    return shell


@pytest.fixture
def leaver(clock: Clock) -> Leaving:
    return Leaving(clock=lambda: clock.now, sleep=clock.sleep)


def test_what_stood_for_a_while_may_go_at_once(leaver: Leaving, clock: Clock, shell: Shell) -> None:
    assert leaver.is_soon(clock.now - SETTLED + 0.1)
    assert not leaver.is_soon(clock.now - SETTLED)
    assert leaver.is_soon(clock.now)
    assert shell.heard == [("post_run_cell", leaver.take_all)], "it listens once"


def test_without_a_shell_nobody_tells_of_an_end(leaver: Leaving, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not leaver.is_soon(clock.now)


def test_those_whose_time_has_come_go_with_the_next(leaver: Leaving, clock: Clock) -> None:
    gone: list[str] = []
    leaver.later(clock.now, lambda: gone.append("first"))
    leaver.later(clock.now + 1, lambda: gone.append("second"))
    leaver.take_due()
    assert gone == []
    clock.sleep(SETTLED)
    leaver.take_due()
    leaver.take_due()
    assert gone == ["first"]


def test_at_the_end_of_a_cell_all_go_and_the_youngest_is_waited_for(leaver: Leaving, clock: Clock) -> None:
    gone: list[float] = []
    leaver.later(clock.now - 1, lambda: gone.append(clock.now))
    leaver.later(clock.now, lambda: gone.append(clock.now))
    leaver.take_all("the cell's result")
    assert gone == [100 + SETTLED] * 2
    leaver.take_all()
    assert clock.now == 100 + SETTLED, "nobody waits for nothing"


def test_an_interrupt_ends_the_wait_and_leaves_the_lines(clock: Clock) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    leaver, gone = Leaving(clock=lambda: clock.now, sleep=interrupted), list[int]()
    leaver.later(clock.now, lambda: gone.append(1))
    leaver.take_all()
    assert gone == [1]


def test_a_panel_shows_its_line_until_it_goes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    screen, living = Screen(), ipywidgets.widgets.widget._instances
    monkeypatch.setattr(widgets, "_new_handle", lambda: screen)
    monkeypatch.setattr(widgets, "_LEAVING", Leaving(sleep=lambda _: None))
    widgets._anchor()
    before = set(living)
    progress = WidgetProgress(pulse=Hand)
    progress.start("Reading", [Task("key", "label", 1000)])
    beat(progress)
    assert progress._panel is not None
    box = progress._panel._made[-1]
    progress.finish("1 layer <b>")
    assert "1 layer &lt;b&gt;" in box.children[0].value
    assert "ocinb-over" in box._dom_classes
    assert screen.shown[-1][0]["text/plain"] == "Reading …"
    ((_, end),) = shell.heard
    end()
    assert screen.shown == [({"text/plain": "1 layer <b>"}, True)]
    assert set(living) == before


def test_one_widget_stays_so_that_the_page_keeps_its_subshell() -> None:
    anchor = widgets._anchor()
    assert widgets._anchor() is anchor
    assert anchor.comm is not None
    anchor.close()  # as `Widget.close_all()` does
    assert widgets._anchor() is not anchor
