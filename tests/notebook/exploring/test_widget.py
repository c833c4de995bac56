"""The page's questions reach the answers, and their replies the page: at once, or from a thread that can be stopped."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from ocinb.notebook.explore import widget
from ocinb.notebook.explore import widget as module
from ocinb.notebook.explore.widget import ExplorerWidget, Stopped, Watch
from ocinb.progress.protocol import State, Task
from tests.patience import SECONDS


class Answers:
    """Answers all, and what is slow only when it is let."""

    def __init__(self) -> None:
        self.opening: dict[str, Any] = {"reference": "demo"}
        self.begun, self.go = threading.Event(), threading.Event()
        self.threads: list[str] = []
        self.is_closed = False
        self.is_held = True

    def close(self) -> None:
        self.is_closed = True

    def forget(self) -> None:
        self.is_held = False

    def is_at_hand(self, _question: Any) -> bool:
        return self.is_held

    def answer(self, question: Any, *, progress: Watch | None = None) -> dict[str, Any]:
        self.threads.append(threading.current_thread().name)
        if progress is not None:
            progress.start("Reading", [Task("one", "one", 1000)])
            self.begun.set()
            assert self.go.wait(SECONDS)
            progress.advance("one", 10)
        return {"id": question["id"], "answer": {}}


class Shown:
    """A widget, and what it sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers = Answers()
        self.widget = ExplorerWidget(self.answers)
        self.sent: list[dict[str, Any]] = []
        monkeypatch.setattr(self.widget, "send", self.sent.append)

    def ask(self, number: int, ask: str, **more: Any) -> None:
        self.widget._handle_custom_msg({"id": number, "ask": ask, **more}, [])

    def wait(self) -> None:
        for thread in threading.enumerate():
            if thread.name == "ocinb-explore":
                thread.join(SECONDS)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    shown = Shown(monkeypatch)
    yield shown
    shown.answers.go.set()
    shown.wait()
    shown.widget.close()


@pytest.mark.parametrize("ask", ["image", "preview"])
def test_what_is_slow_keeps_nobody_waiting_and_tells_how_far_it_is(shown: Shown, ask: str) -> None:
    shown.ask(1, ask)
    assert shown.answers.begun.wait(SECONDS)
    shown.ask(2, "children")
    assert {"id": 2, "answer": {}} in shown.sent
    assert {"id": 1, "begun": "0 B of 1.0 kB, 0 of 1 layers read"} in shown.sent
    shown.answers.go.set()
    shown.wait()
    assert shown.sent[-1] == {"id": 1, "answer": {}}


def test_what_is_stopped_says_so(shown: Shown) -> None:
    shown.ask(1, "image")
    assert shown.answers.begun.wait(SECONDS)
    shown.ask(2, "stop", stops=7)  # which nobody reads
    shown.ask(3, "stop", stops=1)
    shown.answers.go.set()
    shown.wait()
    assert shown.sent[-1]["id"] == 1
    assert "stopped" in shown.sent[-1]["error"]["message"]


def test_a_closed_explorer_holds_nothing_and_reads_no_more(shown: Shown) -> None:
    shown.ask(1, "image")
    assert shown.answers.begun.wait(SECONDS)
    shown.widget.close()
    shown.answers.go.set()
    shown.wait()
    assert "stopped" in shown.sent[-1]["error"]["message"]
    shown.sent.clear()
    shown.ask(2, "children")
    assert shown.sent == []
    assert shown.answers.is_closed
    held = weakref.ref(shown.answers)
    shown.answers = Answers()
    gc.collect()
    assert held() is None


def test_nothing_is_forgotten_while_it_is_read(shown: Shown) -> None:
    shown.ask(1, "image", view="one")
    assert shown.answers.begun.wait(SECONDS)
    shown.ask(2, "leave", view="one")
    shown.ask(3, "children")
    assert shown.answers.is_held
    shown.answers.go.set()
    shown.wait()
    assert not shown.answers.is_held


def test_a_front_end_may_close_it(shown: Shown) -> None:
    shown.widget.comm.handle_close({})
    assert shown.answers.is_closed
    assert shown.widget.comm is None
    shown.ask(1, "children")
    assert shown.sent == []


def test_one_thread_answers_what_is_slow_and_does_not_queue_too_much(shown: Shown) -> None:
    for number in range(50):
        shown.ask(number, "image")
    assert sum(thread.name == "ocinb-explore" for thread in threading.enumerate()) == 1
    assert sum("error" in one and "at once" in one["error"]["message"] for one in shown.sent) in {41, 42}
    shown.ask(99, "stop", stops=2)
    shown.answers.go.set()
    shown.wait()
    answered = {one["id"] for one in shown.sent if one.keys() == {"id", "answer"}}
    assert 0 in answered
    assert 2 not in answered
    assert {"id": 2, "error": module._STOPPED} in shown.sent


def test_an_answer_that_cannot_be_sent_stops_no_other(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(message: dict[str, Any]) -> None:
        if message.get("answer") == {} and message["id"] == 1:
            raise RuntimeError("the page is gone")
        shown.sent.append(message)

    monkeypatch.setattr(shown.widget, "send", send)
    shown.answers.go.set()
    shown.ask(1, "image")
    shown.ask(2, "image")
    shown.wait()
    assert shown.sent[-1] == {"id": 2, "answer": {}}


def test_what_is_no_question_is_no_matter(shown: Shown) -> None:
    messages: list[Any] = [None, [], "children", 3, {"id": [1], "ask": "image"}, {"id": {}, "ask": "preview"}]
    messages += [{"id": 1, "ask": "stop", "stops": []}, {"id": 1, "ask": ["image"]}, {"ask": "image"}]
    messages += [{"id": 1, "ask": "leave", "view": []}, {"ask": "leave", "view": "one"}]
    for message in messages:
        shown.widget._handle_custom_msg(message, [])
    assert shown.sent == []


TASKS = [Task("one", "one", 1_000_000), Task("two", "two", 3_000_000)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(widget, "monotonic", lambda: now[0])
    return now


def test_each_step_ends_what_was_stopped() -> None:
    watch = Watch(lambda _: None)
    watch.start("Reading", TASKS)
    watch.stop()
    with pytest.raises(Stopped):
        watch.advance("one", 1)
    with pytest.raises(Stopped):
        watch.state("one", State.DONE)
    with pytest.raises(Stopped):
        watch.start("Reading", TASKS)
