"""In a terminal there is one bar while it runs, and one line when it is over."""

import io
import os
from collections.abc import Callable

import pytest

from ocinb.progress.drawing import Pulse
from ocinb.progress.protocol import State, Task
from ocinb.progress.terminal import TerminalProgress

_TASKS = [Task("a", "a", 40_000_000), Task("b", "b", 3 * 2**31)]


class Hand(Pulse):
    """Beats when the test does."""

    def __init__(self, beat: Callable[[], object]) -> None:
        super().__init__(beat)
        self.beat = beat

    def start(self) -> None:
        """Need no thread."""


class Screen(io.StringIO):
    """Has a number, as what stands behind a terminal has, so that one can ask for its width."""

    def fileno(self) -> int:
        return 1


def _beat(progress: TerminalProgress) -> None:
    assert isinstance(progress._pulse, Hand)
    progress._pulse.beat()


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
    _beat(progress)
    frames = screen.getvalue().split("\r")
    assert frames[1].startswith("  0 % |")
    assert frames[-1].startswith("Pulling {demo}  50 % |######      |")
    assert frames[-1].endswith("| 3.3 GB of 6.5 GB · 1 of 2 done")
    progress.finish("2 blobs")
    frames = screen.getvalue().split("\r")
    assert frames[-2].strip() == "", "the bar is wiped"
    assert frames[-1] == "2 blobs\n"


@pytest.mark.parametrize("columns", [40, 80, 100, 200])
def test_the_bar_keeps_its_length_whatever_is_said(columns: int, width: Callable[[int], None]) -> None:
    width(columns)
    screen, seconds = Screen(), iter(range(100))
    progress = TerminalProgress(screen, clock=lambda: float(next(seconds)), pulse=Hand)
    progress.start("Pulling registry.example/library/demonstration/shop:2.0-with-a-long-tag", _TASKS)
    progress.state("b", State.DOWNLOADING)
    for _ in range(10):
        progress.advance("b", 2**29)
        _beat(progress)
    frames = screen.getvalue().split("\r")[2:]
    progress.finish("2 blobs")
    assert {len(frame.split("|")[1]) for frame in frames} == {12}
    assert max(map(len, frames)) < columns
    assert columns == 40 or all("MB/s" in frame for frame in frames[4:])
    assert (columns >= 100) == ("long-tag" in frames[-1])


def test_what_has_no_size_is_counted(width: Callable[[int], None]) -> None:
    width(120)
    screen = Screen()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Asking for 4 names", [Task(key, "", 0) for key in "abcd"])
    for key, shown in zip("abcd", ("25 % |###  ", "50 % |######  ", "75 % |######### ", "100 % |####"), strict=True):
        progress.state(key, State.DONE)
        _beat(progress)
        assert shown in screen.getvalue().split("\r")[-1]
    progress.finish("4 names")


def test_strangers_text_cannot_move_the_cursor(width: Callable[[int], None]) -> None:
    width(120)
    screen = Screen()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Pulling \x1b[31mred", _TASKS)
    _beat(progress)
    progress.finish("done \x1b]0;title\x07 \u202eback")
    assert "\x1b[31m" not in screen.getvalue()
    assert screen.getvalue().endswith("\rdone \\x1b]0;title\\x07 \\u202eback\n")


def test_nothing_to_do_is_drawn_as_done() -> None:
    screen = io.StringIO()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Pulling", [])
    _beat(progress)
    assert "100 %" in screen.getvalue()
    progress.finish("nothing to do")


def test_standard_error_is_the_one_of_the_moment(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TerminalProgress()
    progress.start("Pulling", _TASKS)
    progress.finish("2 blobs")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.endswith("\r2 blobs\n")
