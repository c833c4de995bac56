"""In a notebook few messages draw many bars, strangers' text stays text, and one plain line is all that is saved."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ipywidgets
import pytest

from ocinb.progress import widgets
from ocinb.progress.protocol import State, Task
from ocinb.progress.widgets import WidgetProgress
from tests.patience import SECONDS
from tests.progress.hand import Hand, beat

_MARKUP = "<img src=x onerror=alert(1)>\"'&\x1b[2J"


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


def test_silence_sends_nothing(progress: WidgetProgress, messages: list[dict[str, Any]]) -> None:
    _open(progress, _tasks(3))
    beat(progress, 20)
    messages.clear()
    beat(progress, 100)
    assert messages == []


def test_every_bar_has_its_turn(progress: WidgetProgress) -> None:
    _open(progress, _tasks(12))
    for number in range(12):
        progress.state(f"key{number}", State.DOWNLOADING)
        progress.advance(f"key{number}", 500)
    beat(progress, 14)
    assert [bar.value for bar in _bars(progress)] == [500] * 13


def test_it_comes_up_as_things_stand_by_then(progress: WidgetProgress, messages: list[dict[str, Any]]) -> None:
    progress.start("Pulling", _tasks(3))
    progress.state("key0", State.PRESENT)
    progress.state("key1", State.DOWNLOADING)
    progress.advance("key1", 500)
    beat(progress)
    assert [bar.description for bar in _bars(progress)] == ["present", "50 %", "waiting", "50 %"]
    assert "1.5 kB of 3.0 kB · 1 of 3 done" in _markup(progress)
    assert messages == []


def test_the_total_is_told_often_and_those_that_move_come_first(progress: WidgetProgress) -> None:
    _open(progress, _tasks(42))
    for number in range(30):
        progress.state(f"key{number}", State.DONE)
    for second in range(1, 6):
        for number in range(36, 42):
            progress.state(f"key{number}", State.DOWNLOADING)
            progress.advance(f"key{number}", 100)
        beat(progress, 10)
        words = _markup(progress)
        assert f"{30 + 0.6 * second:.1f} kB of 42.0 kB" in words
        assert [bar.value for bar in _bars(progress)[36:42]] == [100 * second] * 6
    assert sum(bar.description == "done" for bar in _bars(progress)) > 5, "and the others have their turn"


def test_no_bar_is_stuck_after_the_last_word(progress: WidgetProgress) -> None:
    _open(progress, _tasks(100))
    for number in range(100):
        progress.state(f"key{number}", State.DOWNLOADING)
        progress.advance(f"key{number}", 970)
    beat(progress, 50)
    for number in range(100):
        progress.state(f"key{number}", State.DONE)
    beat(progress, 120)  # whoever moves is not alone: the words of the total tell the time, too
    assert {(bar.value, bar.description) for bar in _bars(progress)[:-1]} == {(1000, "done")}
    assert (_bars(progress)[-1].value, _bars(progress)[-1].description) == (1000, "100 %")


def test_what_has_nothing_new_takes_no_turn(progress: WidgetProgress) -> None:
    _open(progress, _tasks(12))
    beat(progress, 28)
    progress.state("key7", State.FAILED)
    beat(progress)
    assert _bars(progress)[7].description == "failed"


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


def test_the_rules_know_each_state_that_has_no_colour_of_its_own_in_ipywidgets(progress: WidgetProgress) -> None:
    _open(progress, _tasks(1))
    assert f".ocinb-{State.WAITING} " in _markup(progress)
    assert widgets._COLOURS.keys() == set(State)


def test_a_change_of_state_is_one_message(progress: WidgetProgress, messages: list[dict[str, Any]]) -> None:
    _open(progress, _tasks(1))
    beat(progress, 5)
    messages.clear()
    progress.state("key0", State.VERIFYING)
    beat(progress, 5)
    assert messages == [{"bar_style": "warning", "description": "verifying", "_dom_classes": ("ocinb-verifying",)}]


def test_a_failure_is_told_in_the_total_too(progress: WidgetProgress) -> None:
    _open(progress, _tasks(2))
    progress.state("key1", State.FAILED)
    beat(progress, 5)
    assert [bar.bar_style for bar in _bars(progress)] == ["", "danger", ""]
    assert "0 of 2 done · 1 failed" in _markup(progress)


def test_what_another_process_fetches_moves_as_well_and_is_told(
    progress: WidgetProgress, messages: list[dict[str, Any]]
) -> None:
    _open(progress, _tasks(12))
    progress.state("key7", State.WAITING)
    messages.clear()
    for told in range(1, 11):
        progress.advance("key7", 50)
        beat(progress, 2)
        assert len(messages) <= 2 * told
    assert (_bars(progress)[7].value, _bars(progress)[7].description) == (500, "waiting 50 %")
    assert "another process fetches 1" in _markup(progress)


def test_a_restart_moves_the_bar_back(progress: WidgetProgress) -> None:
    _open(progress, _tasks(1))
    progress.state("key0", State.DOWNLOADING)
    progress.advance("key0", 800)
    beat(progress, 3)
    progress.advance("key0", -800)
    beat(progress, 3)
    assert [bar.value for bar in _bars(progress)] == [0, 0]


def test_sizes_beyond_two_gigabytes(progress: WidgetProgress) -> None:
    _open(progress, _tasks(2, total=10 * 2**31))
    progress.state("key0", State.DOWNLOADING)
    progress.advance("key0", 5 * 2**31)
    beat(progress, 4)
    assert [bar.value for bar in _bars(progress)] == [500, 0, 250]
    assert {bar.max for bar in _bars(progress)} == {1000}
    assert "10.7 GB of 42.9 GB" in _markup(progress)


def test_strangers_text_stays_text(progress: WidgetProgress) -> None:
    _open(progress, [Task("key", _MARKUP, 10, _MARKUP * 100)], _MARKUP)
    markup = _markup(progress)
    assert "<img" not in markup
    assert "\x1b" not in markup
    assert markup.count("&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;\\x1b[2J") > 3
    assert len(markup.partition("</style>")[2]) < 5000, "nobody reads an endless tooltip"


@pytest.mark.parametrize("count", [1, 20, 40, 127])
def test_every_layer_of_an_image_has_a_row(progress: WidgetProgress, count: int) -> None:
    _open(progress, _tasks(count))
    assert len(_bars(progress)) == count + 1
    places = [_markup(progress).index(f">label{number}<") for number in range(count)]
    assert places == sorted(places)
    assert "smaller" not in _markup(progress)


@pytest.mark.parametrize(("count", "scrolls"), [(20, False), (21, True)])
def test_many_rows_scroll_below_the_title_and_above_the_total(
    progress: WidgetProgress, *, count: int, scrolls: bool
) -> None:
    _open(progress, _tasks(count))
    boxes = [widget for widget in _made(progress) if isinstance(widget, ipywidgets.GridBox)]
    assert [box._dom_classes[0] for box in boxes] == ["ocinb-rows", "ocinb-sum"]
    assert ["ocinb-long" in box._dom_classes for box in boxes] == [scrolls, scrolls]


def test_of_hundreds_the_largest_have_rows_and_the_others_are_counted(progress: WidgetProgress) -> None:
    small, large = _tasks(300, total=10), [Task(f"large{number}", f"large{number}", 1000) for number in range(127)]
    _open(progress, [*small[:150], *large, *small[150:]])
    assert len(_bars(progress)) == 128
    markup = _markup(progress)
    places = [markup.index(f">{task.label}<") for task in large]
    assert places == sorted(places)
    assert not any(f">{task.label}<" in markup for task in small)
    assert "and 300 smaller, counted in the total" in markup


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


def test_rows_share_what_is_the_same_for_all(progress: WidgetProgress) -> None:
    before = _living()
    _open(progress, _tasks(40))
    assert len(_living() - before) <= 2 * 40 + 12


def test_it_says_how_to_stop(progress: WidgetProgress) -> None:
    _open(progress, _tasks(1))
    assert "interrupt the kernel (■)" in _markup(progress)


def test_the_line_takes_the_place_of_the_box(screen: Screen) -> None:
    before = _living()
    progress = WidgetProgress(pulse=Hand)
    _open(progress, _tasks(5))
    ((shown, raw),) = screen.shown
    assert shown.keys() == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert shown["text/plain"] == "Pulling …", "what is read where no widgets are"
    assert raw
    progress.finish("5 blobs\x1b[2J")
    assert screen.shown == [({"text/plain": "5 blobs\\x1b[2J"}, True)]
    assert _living() == before, "no widget is left in the kernel"


def test_what_takes_no_time_leaves_a_line_and_nothing_else(screen: Screen) -> None:
    before = _living()
    progress = WidgetProgress(pulse=Hand)
    progress.start("Pulling", _tasks(40))
    assert _living() == before
    progress.finish("40 blobs")
    assert screen.shown == [({"text/plain": "40 blobs"}, True)]


def test_one_object_may_draw_twice(screen: Screen) -> None:
    progress = WidgetProgress(pulse=Hand)
    for number in (1, 2):
        _open(progress, _tasks(number))
        progress.finish(f"{number} blobs")
    assert [shown["text/plain"] for shown, _ in screen.shown] == ["1 blobs", "2 blobs"]


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


def test_a_young_panel_gives_way_to_its_line_at_once_and_its_widgets_go_later(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(widgets, "SETTLED_SECONDS", 60.0)
    timers: list[tuple[float, Callable[[], object]]] = []
    monkeypatch.setattr(widgets, "_call_later", lambda seconds, call: timers.append((seconds, call)))
    living = ipywidgets.widgets.widget._instances
    before = set(living)
    progress = WidgetProgress(pulse=Hand)
    progress.start("Reading", [Task("key", "label", 1000)])
    beat(progress)
    progress.finish("1 layer")
    assert screen.shown == [({"text/plain": "1 layer"}, True)]
    assert set(living) > before, "the page may still be drawing them"
    ((seconds, close),) = timers
    assert 50 < seconds <= 60
    close()
    assert set(living) == before


def test_a_call_that_is_due_later_does_not_wait() -> None:
    called = threading.Event()
    widgets._call_later(0.05, called.set)
    assert not called.is_set()
    assert called.wait(SECONDS)
