"""In a terminal there is one bar while it runs, and one line when it is over."""

import io
import os
import sys
import threading
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


def test_the_bar_moves_and_leaves_one_line(width: Callable[[int], None]) -> None:
    width(120)
    screen = Screen()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Pulling {demo}", _TASKS)
    progress.state("a", State.PRESENT)
    progress.state("b", State.DOWNLOADING)
    progress.advance("b", 3 * 2**30)
    beat(progress)
    frames = screen.getvalue().split("\r")
    assert len(frames) == 2, "the first frame is no empty bar"
    assert frames[-1].startswith("Pulling {demo}  50 % |######      |")
    assert frames[-1].endswith("| 3.3 GB of 6.5 GB · 1 of 2 done")
    progress.finish("2 blobs")
    frames = screen.getvalue().split("\r")
    assert frames[-2].strip() == "", "the bar is wiped"
    assert frames[-1] == "2 blobs\n"


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


def test_a_terminal_that_says_it_has_no_columns_is_drawn_upon(width: Callable[[int], None]) -> None:
    width(0)
    screen = Screen()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Pulling", _TASKS)
    beat(progress)
    assert "% |" in screen.getvalue()
    progress.finish("over")


def test_what_has_no_size_is_counted(width: Callable[[int], None]) -> None:
    width(120)
    screen = Screen()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Asking for 4 names", [Task(key, "", 0) for key in "abcd"])
    for key, shown in zip("abcd", ("25 % |###  ", "50 % |######  ", "75 % |######### ", "100 % |####"), strict=True):
        progress.state(key, State.DONE)
        beat(progress)
        assert shown in screen.getvalue().split("\r")[-1]
    progress.finish("4 names")


def test_it_is_told_that_another_process_fetches_it(width: Callable[[int], None]) -> None:
    width(80)
    screen = Screen()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Pulling registry.example/demo/shop:2.0", _TASKS[:1])
    progress.state("a", State.WAITING)
    progress.advance("a", 10_000_000)
    beat(progress)
    shown = screen.getvalue().split("\r")[-1].rstrip()
    assert shown.endswith("25 % |###         | 10.0 MB of 40.0 MB · another process fetches it"), (
        "there is no room for more"
    )
    progress.finish("over")


def test_strangers_text_cannot_move_the_cursor(width: Callable[[int], None]) -> None:
    width(120)
    screen = Screen()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Pulling \x1b[31mred", _TASKS)
    beat(progress)
    progress.finish("done \x1b]0;title\x07 \u202eback")
    assert "\x1b[31m" not in screen.getvalue()
    assert screen.getvalue().endswith("\rdone \\x1b]0;title\\x07 \\u202eback\n")


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


def test_no_thread_stays_behind(width: Callable[[int], None]) -> None:
    width(80)
    before = set(threading.enumerate())
    progress = TerminalProgress(Screen(), pulse=Hand)
    progress.start("Pulling", _TASKS)
    beat(progress)
    progress.finish("2 blobs")
    assert set(threading.enumerate()) <= before


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


def test_two_at_a_time_write_no_line_over_each_others_bars(width: Callable[[int], None]) -> None:
    width(80)
    screen = Screen()
    first, second = (TerminalProgress(screen, pulse=Hand) for _ in range(2))
    for progress in (first, second):
        progress.start("Pulling", _TASKS)
        beat(progress)
    first.finish("first is over")
    assert "\r\x1b[Afirst is over\n" in screen.getvalue(), "both bars are wiped before"
    beat(second)
    assert screen.getvalue().rpartition("first is over\n")[2].count("% |") >= 1, "the other bar stands below"
    second.finish("second is over")
    assert screen.getvalue().endswith("second is over\n")
