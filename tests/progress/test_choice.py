"""What people pass as ``progress=`` becomes somebody to report to, or an error that helps."""

import io
import sys
from types import SimpleNamespace

import pytest

from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.progress import NoProgress, Progress, State, choose_progress
from ocinb.progress.terminal import TerminalProgress
from ocinb.progress.widgets import WidgetProgress


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
    progress.state("nobody", State.FAILED)
    progress.finish("over")
    assert isinstance(progress, Progress)
