"""Side-by-side work: results in the order of the input, an end to all of it when one part fails or someone stops it.

The only place that knows ``concurrent.futures``. Tasks run in a copy of the caller's context, so that whoever observes
the caller observes them too.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakValueDictionary

Item = TypeVar("Item")
Result = TypeVar("Result")

# How long a stopped caller waits for tasks to leave, so that Ctrl-C is answered within two seconds; one that hangs in a
# connection leaves later, by its own time-out.
WAIT_SECONDS = 1.5

# If no task has come to an end for so long, further threads begin, whatever it is that those at work do.
SLOW_SECONDS = 0.05


# After so long what did not hear an interrupt is interrupted again.
AGAIN_SECONDS = 0.05

# How long a task that waits for another one does not hear a stop; and the caller an interrupt that came when it was
# about to wait, which wakes nobody.
LISTEN_SECONDS = 0.2


class StoppedError(BaseException):
    """Raised inside a task whose siblings have failed, or whose caller was interrupted. It never reaches the caller."""


class _Entrance:
    """Where threads wait until they are of use.

    Those that only compute take Python's one lock from each other: twelve of them read documents out of a store up to
    twice as slowly as one does. So one begins, and another whenever one has to wait.
    """

    def __init__(self) -> None:
        self.ended = 0  # how many tasks have come to an end, or nearly: nobody counts on it
        self._permits = threading.Semaphore(1)

    def let_in(self, threads: int = 1) -> None:
        self._permits.release(threads)

    def pass_through(self) -> None:
        before = self.ended
        while not self._permits.acquire(timeout=SLOW_SECONDS):
            if self.ended == before:
                return
            before = self.ended


class _Stop:
    """The word to leave, and what helps a task that hangs to hear it."""

    def __init__(self, entrance: _Entrance) -> None:
        self.entrance = entrance
        self.event = threading.Event()
        self.wakers: dict[object, Callable[[], None]] = {}  # two that wait for one thing have equal ones

    def give(self) -> None:
        if self.event.is_set():
            return
        self.event.set()
        for wake in list(self.wakers.values()):
            # What it would have ended may have ended by itself; that is no news, and must not hide why all stops.
            with contextlib.suppress(Exception):
                wake()


_stop: contextvars.ContextVar[_Stop | None] = contextvars.ContextVar("stop", default=None)


def check_stopped() -> None:
    """Leave a long task that nobody waits for any more; call it between two chunks."""
    stop = _stop.get()
    if stop is not None and stop.event.is_set():
        raise StoppedError


@contextmanager
def woken_by(waker: Callable[[], None]) -> Iterator[None]:
    """Have a function called from another thread if the task in this block has to stop, to end what it waits for.

    While it waits, one more of its siblings may begin.
    """
    stop = _stop.get()
    if stop is None:
        yield
        return
    me = object()
    stop.wakers[me] = waker
    stop.entrance.let_in()
    try:
        check_stopped()
        yield
    finally:
        del stop.wakers[me]


@contextmanager
def interrupted_by(interrupt: Callable[[], None]) -> Iterator[None]:
    """Have a function called from another thread again and again if the task in this block has to stop, until it ends.

    That is for what forgets an interrupt that comes before it has quite begun, as DuckDB does.
    """
    over, calling = threading.Event(), threading.Lock()

    def insist() -> None:
        while not over.is_set():
            with calling:
                if not over.is_set():
                    interrupt()
            over.wait(AGAIN_SECONDS)

    try:
        with woken_by(lambda: threading.Thread(target=insist, name="ocinb-interrupt", daemon=True).start()):
            yield
    finally:
        with calling:
            over.set()


def pause(seconds: float) -> None:
    """Wait a while, or leave as soon as a stop is given."""
    over = threading.Event()
    with woken_by(over.set):
        over.wait(seconds)
        check_stopped()


_locks: WeakValueDictionary[Hashable, threading.Lock] = WeakValueDictionary()  # for as long as somebody has one
_locks_lock = threading.Lock()


def _begin_anew() -> None:
    """Forget the locks in a process that was forked: who had them there is not here to give them up."""
    global _locks_lock  # noqa: PLW0603 - nobody else can have it at this moment
    _locks_lock = threading.Lock()
    _locks.clear()


os.register_at_fork(after_in_child=_begin_anew)


@contextmanager
def alone(key: Hashable) -> Iterator[None]:
    """Let one thread at a time do what a key names, so that the others find it done."""
    with _locks_lock:
        lock = _locks.setdefault(key, threading.Lock())
    while not lock.acquire(timeout=LISTEN_SECONDS):
        check_stopped()
    try:
        check_stopped()
        yield
    finally:
        lock.release()


def run_all(function: Callable[[Item], Result], items: Iterable[Item], *, workers: int) -> list[Result]:
    """Call a function for each item, several at a time.

    Raises
    ------
    BaseException
        The first exception, in the order of the items, after the others were told to stop.
    """
    todo = list(items)
    if not todo:
        return []
    stop = _Stop(_Entrance())
    with woken_by(stop.give):  # a stop from further out goes on to these tasks
        try:
            return _gather(_run(function, todo, workers, stop))
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None  # anew: where it waited, and the threads were at, would fill a screen


def _run(function: Callable[[Item], Result], todo: list[Item], workers: int, stop: _Stop) -> list[Future[Result]]:
    threads, enter = max(1, min(workers, len(todo))), stop.entrance.pass_through
    executor = ThreadPoolExecutor(threads, thread_name_prefix="ocinb", initializer=enter)
    futures: list[Future[Result]] = []
    end = _End(len(todo))
    try:
        for item in todo:  # Ctrl-C may come here, when the first are at work
            futures.append(executor.submit(_context(stop).run, _work, stop, function, item))
            futures[-1].add_done_callback(end.take)
        end.wait()
    finally:
        over = len(futures) == len(todo) and all(future.done() for future in futures)
        if not over:
            stop.give()
            executor.shutdown(wait=False, cancel_futures=True)
            # Those that never began count as done only for who asks: `wait` would wait for them.
            left = wait([future for future in futures if not future.cancelled()], timeout=WAIT_SECONDS).not_done
            over = not left
        stop.entrance.let_in(threads)  # nothing is left for them to do
        executor.shutdown(wait=over)
    return futures


class _End:
    """The moment when all tasks are over, or one has failed."""

    def __init__(self, tasks: int) -> None:
        self._left = tasks
        self._lock = threading.Lock()
        self._come = threading.Event()

    def take(self, future: Future[Any]) -> None:
        """Take note of a task that is over."""
        with self._lock:
            self._left -= 1
            if not self._left or future.cancelled() or future.exception() is not None:
                self._come.set()

    def wait(self) -> None:
        while not self._come.wait(LISTEN_SECONDS):
            pass


def _work(stop: _Stop, function: Callable[[Item], Result], item: Item) -> Result:
    check_stopped()  # its sibling may have failed a moment ago, and nobody has cancelled it yet
    try:
        return function(item)
    except BaseException:
        stop.give()
        raise
    finally:
        stop.entrance.ended += 1


def _context(stop: _Stop) -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(_stop.set, stop)
    return context


def _failure(future: Future[Result]) -> BaseException | None:
    error = future.exception() if future.done() and not future.cancelled() else None
    return None if isinstance(error, StoppedError) else error


def _gather(futures: list[Future[Result]]) -> list[Result]:
    error = next(filter(None, map(_failure, futures)), None)
    if error is not None:
        try:
            raise error
        finally:
            del error, futures  # what they hold, maybe much, would live as long as the error, which they hold too
    if any(future.cancelled() or not future.done() for future in futures):
        raise StoppedError  # the stop came from further out, and one that hangs is not waited for
    return [future.result() for future in futures]
