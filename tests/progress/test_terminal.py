"""In a terminal there is one bar while it runs, and one line when it is over."""

import io
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


def _beat(progress: TerminalProgress) -> None:
    assert isinstance(progress._pulse, Hand)
    progress._pulse.beat()


def test_the_bar_moves_and_leaves_one_line() -> None:
    screen = io.StringIO()
    progress = TerminalProgress(screen, pulse=Hand)
    progress.start("Pulling {demo}", _TASKS)
    progress.state("a", State.PRESENT)
    progress.state("b", State.DOWNLOADING)
    progress.advance("b", 3 * 2**30)
    _beat(progress)
    frames = screen.getvalue().split("\r")
    assert frames[1].startswith("Pulling {demo}   0 % |")
    assert frames[-1].startswith("Pulling {demo}  50 % |")
    assert frames[-1].endswith("| 3.3 GB of 6.5 GB · 1 of 2 done")
    progress.finish("2 blobs")
    frames = screen.getvalue().split("\r")
    assert frames[-2].strip() == "", "the bar is wiped"
    assert frames[-1] == "2 blobs\n"


def test_strangers_text_cannot_move_the_cursor() -> None:
    screen = io.StringIO()
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
