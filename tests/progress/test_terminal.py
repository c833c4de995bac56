"""In a terminal there is one bar while it runs, and one line when it is over."""

import io
import os
import sys
from collections.abc import Callable

import pytest

from ocinb.progress.protocol import State, Task
from ocinb.progress.terminal import TerminalProgress
from tests.progress.hand import Hand, beat

_TASKS = [Task("a", "a", 40_000_000), Task("b", "b", 3 * 2**31)]


class Screen(io.StringIO):
    """Has a number, as what stands behind a terminal has, so that one can ask for its width."""

    def fileno(self) -> int:
        return 1


@pytest.fixture
def width(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_width(columns: int) -> None:
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((columns, 25)))

    return set_width


@pytest.mark.parametrize("is_drawn", [False, True])
def test_where_nothing_is_to_be_said_no_line_is_left(width: Callable[[int], None], *, is_drawn: bool) -> None:
    width(120)
    screen = Screen()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Reading", _TASKS)
    progress.state("b", State.DOWNLOADING)
    progress.advance("b", 3 * 2**30)
    if is_drawn:
        beat(progress)
    progress.finish("")
    assert "\n" not in screen.getvalue()
    assert screen.getvalue().split("\r")[-1].strip() == ""


@pytest.mark.parametrize("columns", [40, 80, 100, 200])
def test_the_bar_keeps_its_length_whatever_is_said(columns: int, width: Callable[[int], None]) -> None:
    width(columns)
    screen, seconds = Screen(), iter(range(100))
    progress = TerminalProgress(screen, clock=lambda: float(next(seconds)), pulse=Hand)
    progress.start("Pulling registry.example/library/demonstration/shop:2.0-with-a-long-tag", _TASKS)
    progress.state("b", State.DOWNLOADING)
    for _ in range(10):
        progress.advance("b", 2**29)
        beat(progress)
    frames = screen.getvalue().split("\r")[1:]
    progress.finish("2 blobs")
    assert {len(frame.split("|")[1]) for frame in frames} == {12}
    assert max(map(len, frames)) < columns
    assert all(frame.rstrip().endswith((" GB", "/s", "left", "done")) for frame in frames), "no part is cut"
    assert columns == 40 or all("MB/s" in frame for frame in frames[4:])
    assert (columns >= 100) == ("long-tag" in frames[-1])


def test_no_word_is_cut_where_there_is_room_for_all(width: Callable[[int], None]) -> None:
    width(100)
    screen, now = Screen(), 0.0
    progress = TerminalProgress(screen, clock=lambda: now, pulse=Hand)
    progress.start("Pulling registry.example/library/demonstration/shop:2.0", [Task("a", "a", 120_000_000_000)])
    progress.state("a", State.DOWNLOADING)
    for _ in range(10):
        now += 1
        progress.advance("a", 103_400_000)
        beat(progress)
    shown = screen.getvalue().split("\r")[-1].rstrip()
    assert shown.endswith("| 1.0 GB of 120.0 GB · 103.4 MB/s · 19 min 11 s left · 0 of 1 done")
    assert shown.startswith("  1 % |"), "there is no room for the title"
    progress.finish("over")


def test_nothing_to_do_is_drawn_as_done() -> None:
    screen = io.StringIO()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Pulling", [])
    beat(progress)
    assert "100 %" in screen.getvalue()
    progress.finish("nothing to do")


def test_what_takes_no_time_leaves_a_line_and_nothing_else() -> None:
    screen = io.StringIO()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Pulling", _TASKS)
    progress.finish("2 blobs")
    assert screen.getvalue() == "2 blobs\n"


def test_a_closed_standard_error_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    progress = TerminalProgress(pulse=Hand)
    progress.start("Pulling", _TASKS)
    beat(progress)
    screen.close()
    assert isinstance(progress._pulse, Hand)
    progress._pulse.beat()
    progress.finish("2 blobs")
    assert progress._pulse is None


def test_standard_error_is_the_one_of_the_moment(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TerminalProgress(pulse=Hand)
    progress.start("Pulling", _TASKS)
    beat(progress)
    progress.finish("2 blobs")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.endswith("\r2 blobs\n")
