"""Belts: some threads make things, others use them, each at its own pace."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Generic, TypeVar, cast

from ocinb._pool import check_stopped, run_all, woken_by

Item = TypeVar("Item")
Result = TypeVar("Result")


def hand_over(items: Iterable[Item], use: Callable[[Iterator[Item]], Result], *, ahead: int) -> Result:
    """Have one thread make things and another use them, each at its own pace.

    Raises
    ------
    BaseException
        What one of the two raised, after the other was told to stop.
    """
    belt: _Belt[Item] = _Belt(ahead)

    def consume() -> Result:
        things = belt.things()
        used = use(things)
        for _ in things:
            continue
        return used

    tasks: list[Callable[[], Result | None]] = [consume, lambda: belt.put_all(items)]
    used, _ = run_all(lambda task: task(), tasks, workers=2)
    return cast("Result", used)


def hand_out(
    make: Callable[[Callable[[Item], None]], Result],
    use: Callable[[Item], object],
    *,
    workers: int,
    ahead: int | None = None,
) -> Result:
    """Have things used by several threads, each as soon as it is there.

    Raises
    ------
    BaseException
        What one of them raised, after the others were told to stop.
    """
    belt: _Belt[Item] = _Belt(ahead or 0)

    def produce() -> Result:
        made = make(belt.put if ahead is None else belt.put_in_turn)
        belt.end(workers)
        return made

    def consume() -> None:
        for thing in belt.things():
            use(thing)

    tasks: list[Callable[[], Result | None]] = [produce, *[consume] * workers]
    made, *_ = run_all(lambda task: task(), tasks, workers=len(tasks))
    return cast("Result", made)


def hand_in(
    make: Callable[[Callable[[Item], None]], Result],
    use: Callable[[Iterator[Item | None]], object],
    *,
    ahead: int,
    pause: float,
) -> Result:
    """Have one thread use what several make, and hear when nothing came for a while.

    Raises
    ------
    BaseException
        What one of the two raised, after the other was told to stop.
    """
    belt: _Belt[Item] = _Belt(ahead)

    def produce() -> Result:
        made = make(belt.put_in_turn)
        belt.end()
        return made

    tasks: list[Callable[[], Result | None]] = [produce, lambda: cast("None", use(belt.things_and_pauses(pause)))]
    made, _ = run_all(lambda task: task(), tasks, workers=2)
    return cast("Result", made)


class _Belt(Generic[Item]):
    """Takes things from one thread to others."""

    def __init__(self, length: int) -> None:
        self._things: deque[Item | _End] = deque()
        self._free = threading.Semaphore(length)
        self._filled = threading.Semaphore(0)

    def put_all(self, items: Iterable[Item]) -> None:
        """Put things as there is room for them, and the end behind them."""
        for item in items:
            self.put_in_turn(item)
        self.end()

    def put_in_turn(self, thing: Item) -> None:
        """Put a thing as soon as there is room for it."""
        _acquire(self._free)
        self.put(thing)

    def put(self, thing: Item) -> None:
        """Put a thing, whether there is room or not."""
        self._put(thing)

    def end(self, takers: int = 1) -> None:
        """Say to each of those who take that nothing more comes."""
        for _ in range(takers):
            self._put(_End.END)

    def things(self) -> Iterator[Item]:
        """Give things as they come."""
        return cast("Iterator[Item]", self.things_and_pauses(None))

    def things_and_pauses(self, seconds: float | None) -> Iterator[Item | None]:
        """Give things as they come, and None whenever none came for so long, if that is limited."""
        while True:
            if not _acquire(self._filled, seconds):
                yield None
                continue
            thing = self._things.popleft()
            if isinstance(thing, _End):
                return
            self._free.release()
            yield thing
            del thing  # it may be large, and the next one takes a while

    def _put(self, thing: Item | _End) -> None:
        self._things.append(thing)
        self._filled.release()


class _End(Enum):
    END = 0


def _acquire(semaphore: threading.Semaphore, seconds: float | None = None) -> bool:
    """Wait for something, for some time or as long as it takes, or leave as soon as a stop is given."""
    if semaphore.acquire(blocking=False):
        return True
    with woken_by(semaphore.release):
        acquired = semaphore.acquire(timeout=seconds)
        check_stopped()
    return acquired
