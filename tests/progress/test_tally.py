"""Figures are added up in thread-safe ways, and speeds are those of the network."""

import threading

import pytest

from ocinb.progress.protocol import State, Task
from ocinb.progress.stats import Overall, Status, Tally


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _tally(*totals: int, clock: Clock | None = None) -> Tally:
    return Tally([Task(str(number), str(number), total) for number, total in enumerate(totals)], clock=clock or Clock())


def test_speed_and_time_left_come_from_the_clock() -> None:
    clock = Clock()
    tally = _tally(1000, 3000, clock=clock)
    tally.state("0", State.DOWNLOADING)
    clock.now += 2
    tally.advance("0", 1000)
    overall = tally.overall()
    assert overall.rate == 500
    assert overall.seconds_left == 6
    assert overall.words == "1.0 kB of 4.0 kB · 500 B/s · 6 s left · 0 of 2 done"


def test_speed_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    tally = _tally(10_000, clock=clock)
    tally.state("0", State.DOWNLOADING)
    for amount in [1000] * 10 + [100] * 10:
        clock.now += 1
        tally.advance("0", amount)
        rate = tally.overall().rate
    assert rate == 100


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


def test_silence_is_told_only_where_bytes_are_awaited() -> None:
    clock = Clock()
    tally = _tally(1000, 10, clock=clock)
    clock.now += 60
    assert tally.overall().silence is None, "nobody has begun"
    tally.state("0", State.DOWNLOADING)
    clock.now += 4
    assert tally.overall().silence is None, "it began not long ago"
    clock.now += 2
    assert tally.overall().silence == 6
    tally.state("0", State.VERIFYING)
    clock.now += 60
    assert tally.overall().silence is None


def test_what_is_read_is_at_work_though_it_was_done_before() -> None:
    tally = _tally(1000, 10)
    tally.state("0", State.DONE)
    tally.state("0", State.READING)
    assert tally.moving() == ({"0"}, {"1"})
    assert tally.overall().complete == 0


def test_what_has_failed_is_told_and_not_waited_for() -> None:
    clock = Clock()
    tally = _tally(1000, 3000, clock=clock)
    tally.state("0", State.DOWNLOADING)
    tally.state("1", State.DOWNLOADING)
    clock.now += 1
    tally.advance("0", 500)
    tally.advance("1", 500)
    tally.state("1", State.FAILED)
    overall = tally.overall()
    assert (overall.failed, overall.lost, overall.here, overall.total) == (1, 2500, 1000, 4000)
    assert overall.words == "1.0 kB of 4.0 kB · 1.0 kB/s · 1 s left · 0 of 2 done · 1 failed"


def test_strangers_do_not_count() -> None:
    tally = _tally(1000)
    tally.advance("stranger", 100)
    tally.state("stranger", State.DONE)
    assert (tally.overall().here, tally.overall().complete) == (0, 0)


def test_what_was_here_before_counts_for_the_bar_and_not_for_the_speed() -> None:
    clock = Clock()
    tally = _tally(10_000, 5000, clock=clock)
    tally.advance("0", 9000)
    tally.state("0", State.DOWNLOADING)
    tally.state("1", State.PRESENT)
    clock.now += 1
    tally.advance("0", 100)
    overall = tally.overall()
    assert (overall.here, overall.rate, overall.complete) == (14_100, 100, 1)


def test_a_restart_takes_bytes_back() -> None:
    clock = Clock()
    tally = _tally(1000, clock=clock)
    tally.state("0", State.DOWNLOADING)
    tally.advance("0", 800)
    tally.advance("0", -800)
    clock.now += 1
    assert tally.status("0") == Status(State.DOWNLOADING, received=0, total=1000)
    assert tally.overall().rate == 800, "they came over the network all the same"


@pytest.mark.parametrize(
    ("state", "received", "total", "fraction", "word"),
    [
        (State.WAITING, 0, 10, 0.0, "waiting"),
        (State.DOWNLOADING, 5, 10, 0.5, "50 %"),
        (State.DOWNLOADING, 5, 0, 0.0, "downloading"),
        (State.DOWNLOADING, 11, 10, 1.0, "100 %"),
        (State.DOWNLOADING, -3, 10, 0.0, "0 %"),
        (State.DOWNLOADING, 999, 1000, 0.999, "99 %"),
        (State.VERIFYING, 10, 10, 1.0, "verifying"),
        (State.READING, 5, 10, 0.5, "reading"),
        (State.DONE, 10, 10, 1.0, "done"),
        (State.DONE, 0, 0, 1.0, "done"),
        (State.PRESENT, 0, 10, 1.0, "present"),
        (State.FAILED, 3, 10, 0.3, "failed"),
    ],
)
def test_status(state: State, received: int, total: int, fraction: float, word: str) -> None:
    status = Status(state, received, total)
    assert (status.fraction, status.word) == (fraction, word)


def test_bytes_that_nobody_announced_do_not_run_over() -> None:
    tally = _tally(0, 100)
    tally.state("0", State.DOWNLOADING)
    tally.advance("0", 900)
    overall = tally.overall()
    assert (overall.here, overall.total, overall.fraction) == (900, 1000, 0.9)


@pytest.mark.parametrize(("complete", "tasks", "fraction"), [(0, 0, 1.0), (1, 2, 0.5)])
def test_without_bytes_tasks_count(complete: int, tasks: int, fraction: float) -> None:
    assert Overall(here=0, total=0, rate=None, complete=complete, tasks=tasks).fraction == fraction


def test_long_times_are_said_as_people_say_them() -> None:
    assert "1 min 23 s left" in Overall(here=0, total=83, rate=1, complete=0, tasks=1).words
    assert "1 s left" in Overall(here=0, total=1, rate=1000, complete=0, tasks=1).words
    assert "1 min 0 s left" in Overall(here=0, total=597, rate=10, complete=0, tasks=1).words
    assert "over a day left" in Overall(here=0, total=10**9, rate=0.2, complete=0, tasks=1).words


def test_many_threads_lose_no_byte() -> None:
    tally = _tally(8 * 5000 * 3)
    tally.state("0", State.DOWNLOADING)

    def hammer() -> None:
        for _ in range(5000):
            tally.advance("0", 4)
            tally.advance("0", -1)

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.overall().here == 8 * 5000 * 3


def test_questions_are_counted_where_nothing_has_a_size() -> None:
    tally = Tally([Task(str(number), "", 0) for number in range(1240)])
    for number in range(310):
        tally.state(str(number), State.DONE)
    assert tally.overall().words == "310 of 1,240 done"
    assert tally.overall().fraction == 0.25


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


def test_who_waits_at_first_waits_for_nobody() -> None:
    tally = _tally(1000)
    assert (tally.status("0").word, tally.overall().elsewhere) == ("waiting", 0)
    tally.state("0", State.WAITING)
    assert tally.overall().words == "0 B of 1.0 kB · another process fetches it · 0 of 1 done"
    assert tally.status("0").word == "waiting 0 %"


def test_what_the_other_one_left_is_taken_up_as_if_nobody_had_been_waited_for() -> None:
    tally = _tally(1000)
    tally.state("0", State.WAITING)
    tally.advance("0", 700)
    tally.advance("0", -700)
    tally.advance("0", 300)
    assert (tally.status("0").word, tally.status("0").here, tally.overall().elsewhere) == ("waiting", 300, 0)
