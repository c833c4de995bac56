"""In a notebook few messages draw many bars, strangers' text stays text, and one plain line is all that is saved."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import ipywidgets
import pytest

from ocinb.progress import widgets
from ocinb.progress.protocol import State, Task
from ocinb.progress.widgets import WidgetProgress
from tests.patience import SECONDS
from tests.progress.hand import Hand, beat


class Screen:
    """Stands where IPython's display handle stands."""

    def __init__(self) -> None:
        self.shown: list[Any] = []

    def display(self, shown: Any, *, raw: bool = False) -> None:
        self.shown.append((shown, raw))

    def update(self, shown: Any, *, raw: bool = False) -> None:
        self.shown[-1] = (shown, raw)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(widgets, "_new_handle", lambda: screen)
    monkeypatch.setattr(widgets, "SETTLED_SECONDS", 0.0)
    widgets._anchor()
    return screen


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Collect each message that a widget would have sent to the browser after its creation."""
    sent: list[dict[str, Any]] = []

    def send(_widget: object, message: dict[str, Any], buffers: object = None) -> None:
        assert not buffers
        sent.append(message["state"])

    monkeypatch.setattr(ipywidgets.Widget, "_send", send)
    return sent


@pytest.fixture
def progress(screen: Screen) -> Iterator[WidgetProgress]:
    assert screen.shown == []
    progress = WidgetProgress(pulse=Hand)
    yield progress
    progress.finish("over")


def _tasks(count: int, total: int = 1000) -> list[Task]:
    return [Task(f"key{number}", f"label{number}", total, f"RUN step {number}") for number in range(count)]


def _open(progress: WidgetProgress, tasks: Sequence[Task], title: str = "Pulling") -> None:
    progress.start(title, tasks)
    beat(progress)


def _made(progress: WidgetProgress) -> list[Any]:
    assert progress._panel is not None
    return progress._panel._made


def _bars(progress: WidgetProgress) -> list[Any]:
    return [widget for widget in _made(progress) if isinstance(widget, ipywidgets.IntProgress)]


def _markup(progress: WidgetProgress) -> str:
    return "\n".join(widget.value for widget in _made(progress) if isinstance(widget, ipywidgets.HTML))


def _living() -> set[str]:
    return set(ipywidgets.widgets.widget._instances)


@pytest.mark.parametrize("count", [1, 7, 200])
def test_a_beat_sends_one_message_at_most(progress: WidgetProgress, messages: list[dict[str, Any]], count: int) -> None:
    _open(progress, _tasks(count))
    messages.clear()
    for second in range(1, 11):
        for number in range(count):
            progress.state(f"key{number}", State.DOWNLOADING)
            progress.advance(f"key{number}", 10)
        beat(progress, 10)
        assert len(messages) <= 10 * second
    assert messages, "some were sent"


@pytest.mark.parametrize(
    ("state", "colour", "word"),
    [
        (State.WAITING, "", "waiting 25 %"),
        (State.DOWNLOADING, "", "25 %"),
        (State.VERIFYING, "warning", "verifying"),
        (State.DONE, "success", "done"),
        (State.PRESENT, "info", "present"),
        (State.FAILED, "danger", "failed"),
    ],
)
def test_colour_and_word_tell_the_state(progress: WidgetProgress, state: State, colour: str, word: str) -> None:
    _open(progress, _tasks(1))
    progress.advance("key0", 250)
    progress.state("key0", state)
    beat(progress, 3)
    bar = _bars(progress)[0]
    assert (bar.bar_style, bar.description, bar._dom_classes) == (colour, word, (f"ocinb-{state}",))
    assert bar.value == (1000 if state.complete else 250)


def test_a_failure_is_told_in_the_total_too(progress: WidgetProgress) -> None:
    _open(progress, _tasks(2))
    progress.state("key1", State.FAILED)
    beat(progress, 5)
    assert [bar.bar_style for bar in _bars(progress)] == ["", "danger", ""]
    assert "0 of 2 done · 1 failed" in _markup(progress)


def test_a_restart_moves_the_bar_back(progress: WidgetProgress) -> None:
    _open(progress, _tasks(1))
    progress.state("key0", State.DOWNLOADING)
    progress.advance("key0", 800)
    beat(progress, 3)
    progress.advance("key0", -800)
    beat(progress, 3)
    assert [bar.value for bar in _bars(progress)] == [0, 0]


@pytest.mark.parametrize("count", [1, 20, 40, 127])
def test_every_layer_of_an_image_has_a_row(progress: WidgetProgress, count: int) -> None:
    _open(progress, _tasks(count))
    assert len(_bars(progress)) == count + 1
    places = [_markup(progress).index(f">label{number}<") for number in range(count)]
    assert places == sorted(places)
    assert "smaller" not in _markup(progress)


def test_what_has_no_name_is_counted_only(progress: WidgetProgress) -> None:
    _open(progress, [Task(str(number), "", 0) for number in range(60)])
    progress.state("7", State.DONE)
    beat(progress, 3)
    assert len(_bars(progress)) == 1
    assert "1 of 60 done" in _markup(progress)
    assert "smaller" not in _markup(progress)


def test_a_layer_of_unknown_size_has_a_row(progress: WidgetProgress) -> None:
    _open(progress, [Task("key", "label", 0)])
    progress.state("key", State.DOWNLOADING)
    progress.advance("key", 500)
    beat(progress, 3)
    assert (_bars(progress)[0].description, _bars(progress)[0].value) == ("downloading", 0)


def test_what_takes_no_time_leaves_a_line_and_nothing_else(screen: Screen) -> None:
    before = _living()
    progress = WidgetProgress(pulse=Hand)
    progress.start("Pulling", _tasks(40))
    assert _living() == before
    progress.finish("40 blobs")
    assert screen.shown == [({"text/plain": "40 blobs"}, True)]


def test_the_line_is_left_even_if_the_box_never_came(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError

    before = _living()
    monkeypatch.setattr(ipywidgets, "GridBox", broken)
    progress = WidgetProgress(pulse=Hand)
    progress.start("Pulling", _tasks(5))
    assert isinstance(progress._pulse, Hand)
    progress._pulse.beat()
    progress._pulse.beat()
    progress.finish("5 blobs")
    assert screen.shown == [({"text/plain": "5 blobs"}, True)]
    assert _living() == before


def test_threads_may_hammer_while_it_draws(screen: Screen) -> None:
    progress = WidgetProgress()
    progress.start("Pulling", _tasks(8, total=20_000))

    def hammer(key: str) -> None:
        progress.state(key, State.DOWNLOADING)
        for _ in range(20_000):
            progress.advance(key, 1)
        progress.state(key, State.DONE)

    threads = [threading.Thread(target=hammer, args=(f"key{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert progress._tally is not None
    assert progress._tally.overall().complete == 8
    progress.finish("8 blobs")
    assert screen.shown == [({"text/plain": "8 blobs"}, True)]


def test_a_call_that_is_due_later_does_not_wait() -> None:
    called = threading.Event()
    widgets._call_later(0.05, called.set)
    assert not called.is_set()
    assert called.wait(SECONDS)
