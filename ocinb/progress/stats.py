"""What a transfer has told so far, as figures: how much is here, how fast it comes, how long it will take."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocinb._text import human_duration, human_size
from ocinb.progress.protocol import State, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


__all__ = ["Overall", "Status", "Tally"]

# The speed is that of the last seconds: shorter flickers, longer does not notice that the network went away.
_SPEED_WINDOW = 5.0
# Before that a few bytes over a few microseconds would show absurd speeds.
_SPEED_DELAY = 0.5
# Whoever has to wait longer than this need not know it by the minute.
_MANY_SECONDS = 24 * 3600


_AT_WORK = frozenset({State.DOWNLOADING, State.VERIFYING, State.READING})


@dataclass(frozen=True, slots=True)
class Status:
    """Where one task stands."""

    state: State
    received: int
    total: int
    elsewhere: bool = False
    """Whether another process fetches it."""

    @property
    def here(self) -> int:
        """Bytes that need not be fetched any more."""
        return self.total if self.state.complete else max(0, self.received)

    @property
    def fraction(self) -> float:
        """Between 0 and 1; 0 until it is done where nobody knows the size.

        >>> Status(State.DOWNLOADING, received=1, total=4).fraction
        0.25
        """
        if self.state.complete:
            return 1.0
        return min(1.0, self.here / self.total) if self.total else 0.0

    @property
    def word(self) -> str:
        """The state, or how far a download is, also that of another process.

        >>> Status(State.DOWNLOADING, received=1, total=4).word
        '25 %'
        >>> Status(State.WAITING, received=1, total=4, elsewhere=True).word
        'waiting 25 %'
        """
        if self.total and self.elsewhere:
            return f"{self.state.value} {int(self.fraction * 100)} %"
        if self.total and self.state is State.DOWNLOADING:
            return f"{int(self.fraction * 100)} %"
        return self.state.value


@dataclass(frozen=True, slots=True)
class Overall:
    """Where all tasks together stand."""

    here: int
    total: int
    rate: float | None
    """Bytes a second; None where nothing has come lately."""
    complete: int
    tasks: int
    failed: int = 0
    lost: int = 0
    """Bytes that will not come any more, since their task has failed."""
    silence: float | None = None
    """Seconds since the last byte; None where none is expected, or some came lately."""
    elsewhere: int = 0
    """Tasks that another process is at work on."""

    @property
    def fraction(self) -> float:
        """Between 0 and 1, by bytes; by tasks where there are no bytes."""
        if self.total:
            return min(1.0, self.here / self.total)
        return self.complete / self.tasks if self.tasks else 1.0

    @property
    def seconds_left(self) -> float | None:
        """Until the last byte is here, at the speed of now; None where there is nothing to tell it from.

        How fast another process is nobody knows.
        """
        rest = self.total - self.here - self.lost
        return rest / self.rate if self.rate and rest > 0 and not self.elsewhere else None

    @property
    def words(self) -> str:
        """All of it in one line.

        >>> Overall(here=40_000_000, total=100_000_000, rate=5e6, complete=1, tasks=3).words
        '40.0 MB of 100.0 MB · 5.0 MB/s · 12 s left · 1 of 3 done'
        """
        return " · ".join(self.parts)

    def words_within(self, columns: int) -> str:
        """As much of it as there is room for, in whole parts, the first of them in any case.

        >>> Overall(here=40_000_000, total=100_000_000, rate=5e6, complete=1, tasks=3).words_within(30)
        '40.0 MB of 100.0 MB · 5.0 MB/s'
        """
        fitting, *parts = self.parts
        for part in parts:
            if len(fitting) + len(part) + 3 > columns:
                break
            fitting = f"{fitting} · {part}"
        return fitting

    @property
    def parts(self) -> list[str]:
        """What there is to say, the most telling first."""
        # Questions have no size that is known before; they are counted.
        parts = [f"{human_size(self.here)} of {human_size(self.total)}"] if self.total else []
        if self.rate:
            parts.append(f"{human_size(self.rate)}/s")
        if self.silence is not None:
            parts.append(f"nothing came for {_whole_seconds(self.silence)}")
        if self.elsewhere:
            parts.append(f"another process fetches {self.elsewhere if self.tasks > 1 else 'it'}")
        if self.seconds_left is not None:
            parts.append(f"{_whole_seconds(self.seconds_left)} left")
        parts.append(f"{self.complete:,} of {self.tasks:,} done")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        return parts


class Tally:
    """Adds up what the threads report."""

    def __init__(self, tasks: Sequence[Task], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._totals = {task.key: task.total for task in tasks}
        self._received = dict.fromkeys(self._totals, 0)
        self._states = dict.fromkeys(self._totals, State.WAITING)
        self._elsewhere: set[str] = set()
        self._fetched = 0
        self._heard = clock()
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])

    def advance(self, key: str, amount: int) -> None:
        """Count bytes of a task, see `Progress.advance`; nobody's bytes are not counted."""
        with self._lock:
            if key not in self._totals:
                return
            self._received[key] += amount
            if self._received[key] <= 0:
                self._elsewhere.discard(key)  # the other one has gone, and what it had was taken back
            # A restart takes bytes back from the bar; over the network they came all the same.
            if amount > 0 and self._states[key] is not State.WAITING:
                self._fetched += amount
                self._heard = self._clock()

    def state(self, key: str, state: State) -> None:
        """Note where a task stands, see `Progress.state`."""
        with self._lock:
            if key in self._totals:
                self._states[key] = State(state)
                self._heard = self._clock()
                # All of them wait at first; whoever is told so as well waits for another process.
                (self._elsewhere.add if self._states[key] is State.WAITING else self._elsewhere.discard)(key)

    def status(self, key: str) -> Status:
        """Where one task stands now."""
        with self._lock:
            return self._status(key)

    def moving(self) -> tuple[set[str], set[str]]:
        """Tell the tasks that are at work now from all others."""
        with self._lock:
            moving = {key for key, state in self._states.items() if state in _AT_WORK} | self._elsewhere
            return moving, self._states.keys() - moving

    def overall(self) -> Overall:
        """Where all tasks together stand now."""
        with self._lock:
            statuses = [self._status(key) for key in self._totals]
            rate, silence = self._rate(), self._clock() - self._heard
        failed = [status for status in statuses if status.state is State.FAILED]
        awaited = rate is None and any(status.state is State.DOWNLOADING for status in statuses)
        return Overall(
            here=sum(status.here for status in statuses),
            total=sum(max(status.total, status.here) for status in statuses),
            rate=rate,
            complete=sum(status.state.complete for status in statuses),
            tasks=len(statuses),
            failed=len(failed),
            lost=sum(max(0, status.total - status.here) for status in failed),
            silence=silence if awaited and silence >= _SPEED_WINDOW else None,
            elsewhere=sum(status.elsewhere for status in statuses),
        )

    def _status(self, key: str) -> Status:
        return Status(self._states[key], self._received[key], self._totals[key], key in self._elsewhere)

    def _rate(self) -> float | None:
        now = self._clock()
        self._samples.append((now, self._fetched))
        # The newest sample from before the window stays: it is where the window's figures begin.
        while self._samples[1][0] < now - _SPEED_WINDOW:
            self._samples.popleft()
        began, fetched = self._samples[0]
        if now - began < _SPEED_DELAY or self._fetched == fetched:
            return None
        return (self._fetched - fetched) / (now - began)


def _whole_seconds(seconds: float) -> str:
    if seconds >= _MANY_SECONDS:
        return "over a day"
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 60 else human_duration(whole)  # noqa: PLR2004 - in a minute
