"""In a notebook few messages draw many bars, strangers' text stays text, and one plain line is all that is saved."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from ocinb.progress import widgets
from ocinb.progress.drawing import Pulse
from ocinb.progress.protocol import State, Task
from ocinb.progress.widgets import WidgetProgress

_MARKUP = "<img src=x onerror=alert(1)>\"'&\x1b[2J"


class Hand(Pulse):
    """Beats when the test does."""

    def __init__(self, beat: Callable[[], object]) -> None:
        super().__init__(beat)
        self.beat = beat

    def start(self) -> None:
        """Need no thread."""


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


def _beat(progress: WidgetProgress, times: int = 1) -> None:
    assert isinstance(progress._pulse, Hand)
    for _ in range(times):
        progress._pulse.beat()


def _bars(progress: WidgetProgress) -> list[Any]:
    return [widget for widget in progress._widgets if isinstance(widget, ipywidgets.IntProgress)]


def _markup(progress: WidgetProgress) -> str:
    return "\n".join(widget.value for widget in progress._widgets if isinstance(widget, ipywidgets.HTML))


@pytest.mark.parametrize("count", [1, 7, 200])
def test_a_beat_sends_one_message_at_most(progress: WidgetProgress, messages: list[dict[str, Any]], count: int) -> None:
    progress.start("Pulling", _tasks(count))
    messages.clear()
    for second in range(1, 11):
        for number in range(count):
            progress.state(f"key{number}", State.DOWNLOADING)
            progress.advance(f"key{number}", 10)
        _beat(progress, 10)
        assert len(messages) <= 10 * second
    assert messages, "some were sent"


def test_silence_sends_nothing(progress: WidgetProgress, messages: list[dict[str, Any]]) -> None:
    progress.start("Pulling", _tasks(3))
    _beat(progress, 20)
    messages.clear()
    _beat(progress, 100)
    assert messages == []


def test_every_bar_has_its_turn(progress: WidgetProgress) -> None:
    progress.start("Pulling", _tasks(12))
    for number in range(12):
        progress.state(f"key{number}", State.DOWNLOADING)
        progress.advance(f"key{number}", 500)
    _beat(progress, 14)
    assert [bar.value for bar in _bars(progress)] == [500] * 13


def test_what_has_nothing_new_takes_no_turn(progress: WidgetProgress) -> None:
    progress.start("Pulling", _tasks(12))
    _beat(progress, 28)
    progress.state("key7", State.FAILED)
    _beat(progress)
    assert _bars(progress)[7].description == "failed"


@pytest.mark.parametrize(
    ("state", "colour", "word"),
    [
        (State.WAITING, "", "waiting"),
        (State.DOWNLOADING, "", "25 %"),
        (State.VERIFYING, "warning", "verifying"),
        (State.DONE, "success", "done"),
        (State.PRESENT, "info", "present"),
        (State.FAILED, "danger", "failed"),
    ],
)
def test_colour_and_word_tell_the_state(progress: WidgetProgress, state: State, colour: str, word: str) -> None:
    progress.start("Pulling", _tasks(1))
    progress.advance("key0", 250)
    progress.state("key0", state)
    _beat(progress, 3)
    bar = _bars(progress)[0]
    assert (bar.bar_style, bar.description) == (colour, word)
    assert bar.value == (1000 if state.complete else 250)


def test_a_change_of_state_is_one_message(progress: WidgetProgress, messages: list[dict[str, Any]]) -> None:
    progress.start("Pulling", _tasks(1))
    _beat(progress, 5)
    messages.clear()
    progress.state("key0", State.FAILED)
    _beat(progress, 5)
    assert messages == [{"bar_style": "danger", "description": "failed"}]


def test_a_restart_moves_the_bar_back(progress: WidgetProgress) -> None:
    progress.start("Pulling", _tasks(1))
    progress.state("key0", State.DOWNLOADING)
    progress.advance("key0", 800)
    _beat(progress, 3)
    progress.advance("key0", -800)
    _beat(progress, 3)
    assert [bar.value for bar in _bars(progress)] == [0, 0]


def test_sizes_beyond_two_gigabytes(progress: WidgetProgress) -> None:
    progress.start("Pulling", _tasks(2, total=10 * 2**31))
    progress.state("key0", State.DOWNLOADING)
    progress.advance("key0", 5 * 2**31)
    _beat(progress, 4)
    assert [bar.value for bar in _bars(progress)] == [500, 0, 250]
    assert {bar.max for bar in _bars(progress)} == {1000}
    assert "10.7 GB of 42.9 GB" in _markup(progress)


def test_strangers_text_stays_text(progress: WidgetProgress) -> None:
    progress.start(_MARKUP, [Task("key", _MARKUP, 10, _MARKUP * 100)])
    markup = _markup(progress)
    assert "<img" not in markup
    assert "\x1b" not in markup
    assert markup.count("&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;\\x1b[2J") > 3
    assert len(markup) < 5000, "nobody reads an endless tooltip"


def test_the_largest_have_rows_and_the_others_are_counted(progress: WidgetProgress) -> None:
    small, large = _tasks(30, total=10), [Task(f"large{number}", f"large{number}", 1000) for number in range(12)]
    progress.start("Pulling", [*small[:15], *large, *small[15:]])
    assert len(_bars(progress)) == 13
    markup = _markup(progress)
    places = [markup.index(task.label) for task in large]
    assert places == sorted(places)
    assert not any(f">{task.label}<" in markup for task in small)
    assert "and 30 smaller, counted in the total" in markup


def test_it_says_how_to_stop(progress: WidgetProgress) -> None:
    progress.start("Pulling", _tasks(1))
    assert "interrupt the kernel: ■" in _markup(progress)


def test_the_line_takes_the_place_of_the_box(screen: Screen) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    progress = WidgetProgress(pulse=Hand)
    progress.start("Pulling", _tasks(5))
    ((box, raw),) = screen.shown
    assert isinstance(box, ipywidgets.VBox)
    assert not raw
    progress.finish("5 blobs\x1b[2J")
    assert screen.shown == [({"text/plain": "5 blobs\\x1b[2J"}, True)]
    assert set(ipywidgets.widgets.widget._instances) == before, "no widget is left in the kernel"


def test_the_line_is_left_even_if_the_box_never_came(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ipywidgets, "GridBox", interrupted)
    progress = WidgetProgress(pulse=Hand)
    with pytest.raises(KeyboardInterrupt):
        progress.start("Pulling", _tasks(5))
    progress.finish("interrupted")
    assert screen.shown == [({"text/plain": "interrupted"}, True)]


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


_CELL = """
import threading, time
from ocinb.progress import State, Task, WidgetProgress, choose_progress

progress = choose_progress(None)
assert isinstance(progress, WidgetProgress), progress
tasks = [Task(str(number), f"layer{number}", 3 * 2**31, "RUN true") for number in range(3)]
progress.start("Pulling", tasks)

def fetch(task):
    progress.state(task.key, State.DOWNLOADING)
    for _ in range(5):
        time.sleep(0.05)
        progress.advance(task.key, task.total // 5)
    progress.state(task.key, State.DONE)

threads = [threading.Thread(target=fetch, args=(task,)) for task in tasks]
for thread in threads: thread.start()
for thread in threads: thread.join()
progress.finish("3 blobs, 19.3 GB")
"""


def test_a_notebook_that_was_executed_keeps_the_line_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "a",
        "source": _CELL,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    notebook = nbformat.from_dict(content)
    NotebookClient(notebook, timeout=60, kernel_name="python3", store_widget_state=False).execute()
    (output,) = notebook.cells[0].outputs
    assert output["data"] == {"text/plain": "3 blobs, 19.3 GB"}
    assert "widget" not in json.dumps(notebook).replace("WidgetProgress", "")
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "<pre>3 blobs, 19.3 GB</pre>" in page
    assert "widget-view+json" not in page
