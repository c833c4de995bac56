"""Side-by-side work keeps its order, ends as a whole, and ends soon."""

import contextvars
import gc
import signal
import subprocess
import sys
import threading
import time
import traceback
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest

from ocinb import _pool
from ocinb._pool import StoppedError, alone, check_stopped, interrupted_by, run_all, woken_by
from tests.patience import SECONDS, Stopwatch, until
from tests.scripts import TELLING_THAT_IT_WAITS

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


def test_results_come_in_the_order_of_the_items_whoever_is_first() -> None:
    turns = [threading.Event() for _ in range(5)]
    turns[4].set()

    def backwards(number: int) -> int:
        assert turns[number].wait(SECONDS)
        if number:
            turns[number - 1].set()
        return number * 10

    assert run_all(backwards, iter(range(5)), workers=5) == [0, 10, 20, 30, 40]


def test_nothing_is_nothing() -> None:
    assert run_all(str, [], workers=3) == []


@pytest.mark.parametrize(("workers", "items", "most"), [(3, 12, 3), (1, 4, 1), (0, 4, 1), (9, 2, 2)])
def test_so_many_at_a_time_and_no_more(workers: int, items: int, most: int) -> None:
    lock, together, running, highest = threading.Lock(), threading.Barrier(most), 0, 0

    def count(number: int) -> int:
        nonlocal running, highest
        with lock:
            running += 1
            highest = max(highest, running)
        together.wait(SECONDS)
        time.sleep(0.01)
        with lock:
            running -= 1
        return number

    assert run_all(count, range(items), workers=workers) == list(range(items))
    assert highest == most


def test_no_thread_is_left_behind_and_none_is_the_callers() -> None:
    names = run_all(lambda _: threading.current_thread().name, range(3), workers=1)
    assert _threads() == []
    assert threading.current_thread().name not in names


def test_the_error_of_a_task_is_raised_as_it_is() -> None:
    error = KeyError("gone")

    def fail(_: int) -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        run_all(fail, [1], workers=1)
    assert caught.value is error
    assert "fail" in [entry.name for entry in caught.traceback], "and says where it came from"


def test_of_several_errors_the_first_in_the_order_of_the_items_is_raised() -> None:
    second_failed = threading.Event()

    def fail(number: int) -> None:
        if number == 0:
            assert second_failed.wait(SECONDS)
        if number == 1:
            second_failed.set()
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^0$"):
        run_all(fail, range(2), workers=2)


def test_when_one_fails_the_others_are_told_and_those_that_wait_never_begin() -> None:
    both, began, ended = threading.Barrier(2), list[int](), list[int]()

    def work(number: int) -> None:
        began.append(number)
        both.wait(SECONDS)
        if number == 1:
            raise ValueError(number)
        try:
            _work_until_stopped()
        except StoppedError:
            ended.append(number)
            raise

    with pytest.raises(ValueError, match=r"^1$"):
        run_all(work, range(50), workers=2)
    until(lambda: ended)
    assert sorted(began) == [0, 1]


def test_who_never_began_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "WAIT_SECONDS", SECONDS)
    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        run_all(lambda number: 1 // number, [0] * 50, workers=1)
    assert time.monotonic() - began < SECONDS / 2


def test_a_task_that_does_not_listen_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "WAIT_SECONDS", 0.05)
    release, hangs, left = threading.Event(), threading.Event(), list[int]()

    def work(number: int) -> None:
        if number == 0:
            hangs.set()
            release.wait(SECONDS)
            left.append(number)
        else:
            assert hangs.wait(SECONDS)
            raise ValueError(number)

    try:
        with pytest.raises(ValueError, match=r"^1$"):
            run_all(work, range(2), workers=2)
        assert not left
    finally:
        release.set()


def test_outside_of_a_task_nothing_stops() -> None:
    check_stopped()
    with woken_by(lambda: pytest.fail("nobody is to be woken")):
        check_stopped()


def test_a_stop_is_no_exception_that_a_task_would_swallow() -> None:
    assert not issubclass(StoppedError, Exception)


def test_a_task_that_hangs_is_woken() -> None:
    hangs, woken = threading.Event(), threading.Event()

    def work(number: int) -> None:
        if number == 1:
            assert hangs.wait(SECONDS)
            raise ValueError(number)
        with woken_by(woken.set):
            hangs.set()
            assert woken.wait(SECONDS)
            check_stopped()

    with pytest.raises(ValueError, match=r"^1$"):
        run_all(work, range(2), workers=2)
    assert woken.is_set()


def test_a_waker_that_fails_hides_nothing_and_keeps_nobody_asleep() -> None:
    ready, woken = threading.Barrier(3), list[int]()

    def work(number: int) -> None:
        def wake() -> None:
            woken.append(number)
            raise OSError("the connection is closed already")

        if number == 2:
            ready.wait(SECONDS)
            raise ValueError(number)
        with woken_by(wake):
            ready.wait(SECONDS)
            _work_until_stopped()

    with pytest.raises(ValueError, match=r"^2$"):
        run_all(work, range(3), workers=3)
    assert sorted(woken) == [0, 1]


def test_who_is_done_is_not_woken() -> None:
    done, woken = threading.Event(), list[str]()

    def work(number: int) -> None:
        if number == 0:
            with woken_by(lambda: woken.append("too late")):
                pass
            done.set()
            _work_until_stopped()
        assert done.wait(SECONDS)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^1$"):
        run_all(work, range(2), workers=2)
    assert woken == []


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


def test_a_stop_from_further_out_does_not_wait_for_a_task_of_a_task_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "WAIT_SECONDS", 0.05)
    release, both = threading.Event(), threading.Barrier(3)
    outcome: list[BaseException] = []

    def inner(number: int) -> None:
        both.wait(SECONDS)
        if number == 0:
            release.wait(SECONDS)
        else:
            _work_until_stopped()

    def outer(number: int) -> None:
        if number == 1:
            both.wait(SECONDS)
            raise ValueError(number)
        try:
            run_all(inner, range(2), workers=2)
        except BaseException as error:
            outcome.append(error)
            raise

    try:
        with pytest.raises(ValueError, match=r"^1$"):
            run_all(outer, range(2), workers=2)
        until(lambda: outcome)
        assert [type(error) for error in outcome] == [StoppedError]
    finally:
        release.set()


def test_an_error_in_the_tasks_of_a_task_comes_out_of_both() -> None:
    def inner(number: int) -> None:
        if number == 3:
            raise ValueError(number)

    with pytest.raises(ValueError, match=r"^3$"):
        run_all(lambda _: run_all(inner, range(5), workers=2), range(3), workers=2)


def test_one_run_after_a_failed_one_is_not_stopped() -> None:
    with pytest.raises(ZeroDivisionError):
        run_all(lambda number: 1 // number, [0], workers=1)
    assert run_all(lambda _: _is_stopped(), [0], workers=1) == [False]


def test_tasks_see_the_callers_context_and_change_only_their_own() -> None:
    def read_and_set(number: int) -> str:
        word = WORD.get()
        WORD.set(f"task {number}")
        return word

    token = WORD.set("the caller's")
    try:
        assert run_all(read_and_set, range(4), workers=2) == ["the caller's"] * 4
        assert WORD.get() == "the caller's"
        assert run_all(lambda _: run_all(read_and_set, [1], workers=1), [1], workers=1) == [["the caller's"]]
    finally:
        WORD.reset(token)


def test_alone_lets_one_at_a_time_through_and_forgets_the_key() -> None:
    inside, highest = 0, 0

    def enter(_: int) -> None:
        nonlocal inside, highest
        with alone("the key"):
            inside += 1
            highest = max(highest, inside)
            time.sleep(0.005)
            inside -= 1

    run_all(enter, range(8), workers=8)
    assert highest == 1
    assert not _pool._locks


def test_alone_keeps_apart_only_what_has_the_same_key() -> None:
    both = threading.Barrier(2)

    def enter(number: int) -> int:
        with alone(("key", number)):
            return both.wait(SECONDS)

    assert sorted(run_all(enter, range(2), workers=2)) == [0, 1]


def test_alone_is_left_after_an_error() -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), alone("the key"):
            raise ZeroDivisionError
    assert not _pool._locks


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


@pytest.mark.parametrize("waits", [False, True], ids=["working", "waiting"])
@pytest.mark.parametrize(("function", "workers"), [("work", 1), ("work", 4), ("nested", 2)])
def test_an_interrupt_ends_it_within_two_seconds(function: str, workers: int, waits: bool) -> None:  # noqa: FBT001
    script = TELLING_THAT_IT_WAITS + INTERRUPTED.format(function=function, workers=workers, waits=waits)
    with (
        Stopwatch() as watch,
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
        assert watch.between(began, time.monotonic()) < 2
    assert output == "interrupted\n"
    assert process.returncode == 0


def test_what_only_computes_is_done_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "SLOW_SECONDS", 60)
    threads = run_all(lambda _: threading.get_ident(), range(200), workers=4)
    assert len(set(threads)) == 1


def test_whenever_one_waits_another_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "SLOW_SECONDS", 60)
    meeting = threading.Barrier(4)

    def wait(number: int) -> int:
        with woken_by(meeting.abort):
            meeting.wait(SECONDS)
        return number

    assert run_all(wait, range(4), workers=4) == [0, 1, 2, 3]


def test_what_takes_long_without_a_word_is_done_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "SLOW_SECONDS", 0.01)
    meeting = threading.Barrier(3)

    def work(number: int) -> int:
        meeting.wait(SECONDS)
        return number

    assert run_all(work, range(3), workers=3) == [0, 1, 2]


@pytest.mark.parametrize("fails", [False, True])
def test_who_was_never_needed_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch, *, fails: bool) -> None:
    monkeypatch.setattr(_pool, "SLOW_SECONDS", 60)
    before = set(threading.enumerate())

    def work(number: int) -> int:
        if fails:
            raise ValueError(number)
        return number

    with pytest.raises(ValueError, match="0") if fails else nullcontext():
        assert run_all(work, range(8), workers=4) == list(range(8))
    for thread in set(threading.enumerate()) - before:
        thread.join(SECONDS)
        assert not thread.is_alive()


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


def test_what_a_failed_task_held_goes_with_its_error() -> None:
    held: list[weakref.ref[threading.Event]] = []

    def fail(_: int) -> None:
        much = threading.Event()
        held.append(weakref.ref(much))
        raise ValueError("much")

    gc.disable()
    try:
        with pytest.raises(ValueError, match="much"):
            run_all(fail, [1], workers=1)
        until(lambda: not _threads())
        assert [reference() for reference in held] == [None]
    finally:
        gc.enable()


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
