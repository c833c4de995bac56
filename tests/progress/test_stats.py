"""Figures are added up in thread-safe ways, and speeds are those of the network."""

from __future__ import annotations

from ocinb.progress.protocol import State, Task
from ocinb.progress.stats import Overall, Tally


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _tally(*totals: int, clock: Clock | None = None) -> Tally:
    return Tally([Task(str(number), str(number), total) for number, total in enumerate(totals)], clock=clock or Clock())


def test_silence_has_no_speed() -> None:
    clock = Clock()
    tally = _tally(1000, clock=clock)
    tally.state("0", State.DOWNLOADING)
    tally.advance("0", 500)
    assert tally.overall().rate is None, "no speed from the first instant"
    for _ in range(8):
        clock.now += 1
        overall = tally.overall()
    assert overall.rate is None
    assert overall.seconds_left is None
    assert overall.words == "500 B of 1.0 kB · nothing came for 8 s · 0 of 1 done"
    tally.advance("0", 100)
    assert tally.overall().silence is None


def test_strangers_do_not_count() -> None:
    tally = _tally(1000)
    tally.advance("stranger", 100)
    tally.state("stranger", State.DONE)
    assert (tally.overall().here, tally.overall().complete) == (0, 0)


def test_long_times_are_said_as_people_say_them() -> None:
    assert "1 min 23 s left" in Overall(here=0, total=83, rate=1, complete=0, tasks=1).words
    assert "1 s left" in Overall(here=0, total=1, rate=1000, complete=0, tasks=1).words
    assert "1 min 0 s left" in Overall(here=0, total=597, rate=10, complete=0, tasks=1).words
    assert "over a day left" in Overall(here=0, total=10**9, rate=0.2, complete=0, tasks=1).words


def test_what_another_process_fetches_counts_for_the_bar_and_not_for_the_speed() -> None:
    clock = Clock()
    tally = _tally(1000, 3000, clock=clock)
    tally.state("0", State.WAITING)
    tally.state("1", State.DOWNLOADING)
    clock.now += 1
    tally.advance("0", 500)
    tally.advance("1", 1000)
    assert (tally.status("0").word, tally.status("0").fraction) == ("waiting 50 %", 0.5)
    assert tally.moving() == ({"0", "1"}, set())
    overall = tally.overall()
    assert (overall.here, overall.rate, overall.elsewhere) == (1500, 1000, 1)
    assert overall.words == "1.5 kB of 4.0 kB · 1.0 kB/s · another process fetches 1 · 0 of 2 done"
    tally.advance("0", -500)
    tally.state("0", State.PRESENT)
    overall = tally.overall()
    assert (overall.here, overall.elsewhere, overall.seconds_left) == (2000, 0, 2)
