"""What some threads make and others use: all of it, as it comes, and an end to all when one fails."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ocinb._pipeline import hand_in, hand_over
from ocinb._pool import check_stopped, run_all
from tests.patience import SECONDS, until
from tests.test_pool import _threads, _work_until_stopped


def test_what_is_not_used_is_made_all_the_same() -> None:
    made = iter(range(20))
    assert hand_over(made, next, ahead=1) == 0
    assert list(made) == []


@pytest.mark.parametrize("who", ["maker", "user"])
def test_when_one_of_two_fails_the_other_stops(who: str) -> None:
    def made() -> Iterator[int]:
        yield 1
        if who == "maker":
            raise ValueError(who)
        while True:
            yield 2

    def use(things: Iterator[int]) -> None:
        for thing in things:
            if who == "user" and thing == 2:
                raise ValueError(who)

    with pytest.raises(ValueError, match=who):
        hand_over(made(), use, ahead=1)
    until(lambda: not _threads())


@pytest.mark.parametrize("who", ["maker", "user"])
def test_a_stop_reaches_two_that_wait_for_each_other(who: str) -> None:
    def made() -> Iterator[int]:
        yield 1
        if who == "maker":
            _work_until_stopped()
        while True:
            yield 2

    def use(things: Iterator[int]) -> None:
        next(things)
        if who == "user":
            _work_until_stopped()
        for _ in things:
            check_stopped()

    def task(place: int) -> None:
        if place == 0:
            hand_over(made(), use, ahead=1)
        time.sleep(0.1)
        raise ValueError(place)

    with pytest.raises(ValueError, match="1"):
        run_all(task, range(2), workers=2)
    until(lambda: not _threads())


def test_who_uses_hears_that_nothing_comes() -> None:
    heard = threading.Event()

    def make(give: Callable[[int], None]) -> None:
        give(1)
        assert heard.wait(SECONDS)
        give(2)

    used: list[int] = []

    def use(things: Iterator[int | None]) -> None:
        for thing in things:
            if thing is None:
                heard.set()
            else:
                used.append(thing)

    hand_in(make, use, ahead=1, pause=0.01)
    assert used == [1, 2]


@pytest.mark.parametrize("who", ["maker", "user"])
def test_when_one_of_the_two_fails_the_other_stops(who: str) -> None:
    def make(give: Callable[[int], None]) -> None:
        give(1)
        if who == "maker":
            raise ValueError(who)
        while True:
            give(2)

    def use(things: Iterator[int | None]) -> None:
        for thing in things:
            if who == "user" and thing == 2:
                raise ValueError(who)

    with pytest.raises(ValueError, match=who):
        hand_in(make, use, ahead=1, pause=0.01)
    until(lambda: not _threads())
