"""In a terminal there is one bar while it runs, and one line when it is over."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ocinb import samples
from ocinb.progress.protocol import State, Task
from ocinb.progress.terminal import TerminalProgress
from ocinb.samples.images import compress_layer
from ocinb.samples.server import SampleRegistry
from tests.patience import SECONDS
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


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")

_PULL = """
import sys
import ocinb
frame = ocinb.pull(sys.argv[1], destination=sys.argv[2])
print(frame["outcome"].value_counts().to_dict())
"""


@dataclass
class Session:
    """A program whose standard error is a terminal; what it has written there so far is on the screen."""

    process: subprocess.Popen[str]
    terminal: int
    written: bytes = b""

    @property
    def screen(self) -> str:
        return self.written.decode(errors="replace")  # a character may have come in half

    def wait_for(self, pattern: str) -> None:
        """Read until something is on the screen, or the program is over."""
        deadline = time.monotonic() + SECONDS
        while not re.search(pattern, self.screen):
            assert time.monotonic() < deadline, self.screen
            if not self._read():
                break
        assert re.search(pattern, self.screen), self.screen

    def end(self) -> tuple[str, int]:
        """Give what went to standard output, and how it ended."""
        while self._read():
            pass
        output, _ = self.process.communicate(timeout=SECONDS)
        return output, self.process.returncode

    def _read(self) -> bool:
        if not select.select([self.terminal], [], [], 0.5)[0]:
            return self.process.poll() is None
        try:
            read = os.read(self.terminal, 4096)
        except OSError:  # so it ends on Linux
            return False
        self.written += read
        return bool(read)


@pytest.fixture
def slow() -> Iterator[tuple[SampleRegistry, str]]:
    """Give a registry, and the name of an image that takes more than a second."""
    with samples.registry(bandwidth=20_000) as registry:
        layers = [compress_layer(os.urandom(30_000), compression="none") for _ in range(3)]
        registry.put_image("demo/slow", layers, tag="1")
        yield registry, registry.reference("demo/slow:1")


@pytest.fixture
def command(slow: tuple[SampleRegistry, str], tmp_path: Path) -> list[str]:
    return [sys.executable, "-c", _PULL, slow[1], str(tmp_path / "pulled")]


@pytest.fixture
def session(command: list[str]) -> Iterator[Session]:
    terminal, stderr = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHON_COLORS": "0"},  # from 3.13 on, a traceback has colours
    )
    os.close(stderr)
    session = Session(process, terminal)
    try:
        yield session
    finally:
        process.kill()
        process.communicate()
        os.close(terminal)


def _run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True, **options)  # type: ignore[call-overload,no-any-return]  # options of this very call


def test_a_terminal_shows_a_bar_and_then_one_line(session: Session) -> None:
    session.wait_for(r"\d+ % \|[^|]+\| \d+\.\d kB of 90\.0 kB")
    output, code = session.end()
    assert (output, code) == ("{'downloaded': 4}\n", 0)
    left = session.screen.split("\r")[-2:]
    assert re.fullmatch(r"Pulled 127.*: 4 blobs, .* fetched in .* s", left[0].strip()), session.screen
    assert left[1] == "\n"


def test_ctrl_c_leaves_a_line_that_says_so_and_the_next_run_resumes(session: Session, command: list[str]) -> None:
    session.wait_for(r"[1-9]\d? % \|")
    session.process.send_signal(signal.SIGINT)
    session.wait_for("stopped; what came is kept and resumed next time\r\n")
    output, code = session.end()
    assert (output, code) == ("", -signal.SIGINT)
    assert session.screen.rstrip().endswith("KeyboardInterrupt")
    assert "resumed" in _run(command).stdout


def test_a_pipe_gets_nothing(command: list[str]) -> None:
    done = _run(command)
    assert (done.stdout, done.stderr) == ("{'downloaded': 4}\n", "")


def test_without_standard_error_a_pull_is_as_good(command: list[str]) -> None:
    done = _run(["sh", "-c", 'exec "$@" 2>&-', "sh", *command])
    assert done.stdout == "{'downloaded': 4}\n"


def test_the_environment_turns_it_off(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCINB_PROGRESS", "0")
    terminal, stderr = pty.openpty()
    with os.fdopen(stderr, "w") as screen, os.fdopen(terminal):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=screen, text=True, check=True, timeout=SECONDS)
        assert done.stdout == "{'downloaded': 4}\n"
        assert select.select([terminal], [], [], 0)[0] == []
