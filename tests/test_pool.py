"""Side-by-side work keeps its order, ends as a whole, and ends soon."""

import contextvars
import threading
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from ocinb import _pool
from ocinb._pool import StoppedError, alone, check_stopped, interrupted_by, run_all, woken_by
from tests.patience import SECONDS, until

WORD: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="nothing")


def _work_until_stopped() -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        check_stopped()
        time.sleep(0.002)


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ocinb_")]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> None:
    until(lambda: not _threads())


def test_who_begins_to_wait_after_the_stop_is_stopped_before() -> None:
    ready, entered = threading.Barrier(2), list[str]()

    def work(number: int) -> None:
        ready.wait(SECONDS)
        if number == 1:
            raise ValueError(number)
        until(_is_stopped)
        with woken_by(lambda: None):
            entered.append("inside")

    with pytest.raises(ValueError, match=r"^1$"):
        run_all(work, range(2), workers=2)
    assert entered == []


def _is_stopped() -> bool:
    try:
        check_stopped()
    except StoppedError:
        return True
    return False


def test_a_stop_reaches_the_tasks_of_tasks() -> None:
    inner_began, ended = threading.Event(), list[int]()

    def inner(number: int) -> None:
        inner_began.set()
        try:
            _work_until_stopped()
        except StoppedError:
            ended.append(number)
            raise

    def outer(number: int) -> None:
        if number == 0:
            run_all(inner, range(40), workers=2)
        assert inner_began.wait(SECONDS)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^1$"):
        run_all(outer, range(2), workers=2)
    until(lambda: ended)
    assert set(ended) <= {0, 1}


def test_an_error_in_the_tasks_of_a_task_comes_out_of_both() -> None:
    def inner(number: int) -> None:
        if number == 3:
            raise ValueError(number)

    with pytest.raises(ValueError, match=r"^3$"):
        run_all(lambda _: run_all(inner, range(5), workers=2), range(3), workers=2)


def test_who_waits_to_be_alone_leaves_when_it_is_stopped() -> None:
    entered, waits, begun = list[int](), threading.Event(), threading.Barrier(2)

    def work(number: int) -> None:
        if number == 1:
            until(waits.is_set)
            raise ValueError(number)
        begun.wait(SECONDS)
        with alone("the key"):
            entered.append(number)
            waits.set()
            _work_until_stopped()

    with pytest.raises(ValueError, match=r"^1$"):
        run_all(work, [0, 1, 2], workers=3)
    assert len(entered) == 1


def test_an_interrupt_while_tasks_are_handed_out_ends_those_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = threading.Event(), threading.Event()

    class Interrupted(ThreadPoolExecutor):
        def submit(self, *args: Any, **options: Any) -> Future[Any]:
            super().submit(*args, **options)
            assert began.wait(SECONDS)
            raise KeyboardInterrupt

    def work(_: int) -> None:
        began.set()
        try:
            _work_until_stopped()
        except StoppedError:
            ended.set()
            raise

    monkeypatch.setattr(_pool, "ThreadPoolExecutor", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_all(work, range(3), workers=2)
    until(ended.is_set)


def test_an_interrupt_does_not_tell_where_everybody_waited() -> None:
    def work(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run_all(work, range(3), workers=2)
    assert [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)][1:] == ["run_all"]
    assert caught.value.__suppress_context__


INTERRUPTED = """
import signal
from ocinb._pool import check_stopped, run_all, woken_by

def work(number):
    if number == 0:
        tell_that_it_waits()
    if {waits}:
        woken = threading.Event()
        with woken_by(woken.set):
            woken.wait(600)
            check_stopped()
    while True:
        check_stopped()
        time.sleep(0.005)

def nested(number):
    return run_all(work, range(number, number + 20), workers=2)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
try:
    run_all({function}, range(10), workers={workers})
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_a_stop_is_heard_by_who_waits_for_somebody_elses_turn() -> None:
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        with alone("a key of two calls"):
            begun.set()
            over.wait(SECONDS)

    def work(number: int) -> None:
        if number:
            time.sleep(0.05)
            raise ValueError("enough")
        with alone("a key of two calls"):
            pytest.fail("somebody else has it")

    holder = threading.Thread(target=hold)
    holder.start()
    begun.wait(SECONDS)
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="enough"):
        run_all(work, range(2), workers=2)
    until(lambda: set(threading.enumerate()) == before)  # nobody waits any more
    over.set()
    holder.join()


def test_what_does_not_hear_an_interrupt_is_interrupted_again() -> None:
    heard: list[int] = []

    def work(number: int) -> None:
        if number:
            until(lambda: waiting)
            raise ValueError("no")
        with interrupted_by(lambda: heard.append(1)):
            waiting.append(1)
            until(lambda: len(heard) > 2)

    waiting: list[int] = []
    with pytest.raises(ValueError, match="no"):
        run_all(work, [0, 1], workers=2)
    until(lambda: not _threads())
    before = len(heard)
    assert before > 2
    time.sleep(0.2)
    assert len(heard) == before, "nobody is interrupted when the block has ended"
