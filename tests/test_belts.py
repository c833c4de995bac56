"""What some threads make and others use: all of it, as it comes, and an end to all when one fails."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ocinb._pipeline import hand_in, hand_out, hand_over
from ocinb._pool import check_stopped, run_all
from tests.patience import SECONDS, until
from tests.test_pool import _threads, _work_until_stopped


def test_what_one_thread_makes_another_uses_in_its_order() -> None:
    threads = set()

    def made() -> Iterator[int]:
        for number in range(100):
            threads.add(threading.current_thread())
            yield number

    def use(numbers: Iterator[int]) -> list[int]:
        threads.add(threading.current_thread())
        return list(numbers)

    assert hand_over(made(), use, ahead=3) == list(range(100))
    assert len(threads) == 2


def test_no_more_is_made_ahead_than_was_said() -> None:
    made, most = 0, 0

    def numbers() -> Iterator[int]:
        nonlocal made
        for number in range(50):
            made += 1
            yield number

    def use(things: Iterator[int]) -> None:
        nonlocal most
        for used, _ in enumerate(things):
            time.sleep(0.001)
            most = max(most, made - used)

    hand_over(numbers(), use, ahead=2)
    assert most <= 2 + 2, "one is in use, and one is made"


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


def test_what_is_given_is_used_once_by_several_while_more_is_made() -> None:
    both, used = threading.Barrier(2, timeout=SECONDS), []
    begun = threading.Event()

    def make(give: Callable[[int], None]) -> str:
        give(0)
        give(1)
        assert begun.wait(SECONDS), "two are used before the rest is made"
        for number in range(2, 50):
            give(number)
        return "made"

    def use(number: int) -> None:
        if number < 2:
            both.wait()
            begun.set()
        used.append(number)

    assert hand_out(make, use, workers=2) == "made"
    assert sorted(used) == list(range(50))


def test_things_may_be_given_by_any_thread() -> None:
    used: list[int] = []

    def make(give: Callable[[int], None]) -> None:
        run_all(give, range(30), workers=3)

    hand_out(make, used.append, workers=2)
    assert sorted(used) == list(range(30))


def test_as_many_things_wait_as_are_wanted() -> None:
    used, ahead, most = [0], [0], [0]

    def make(give: Callable[[int], None]) -> None:
        def one(thing: int) -> None:
            give(thing)
            ahead[0] += 1
            most[0] = max(most[0], ahead[0] - used[0])

        run_all(one, range(30), workers=1)

    def use(_: int) -> None:
        time.sleep(0.002)
        used[0] += 1

    hand_out(make, use, workers=1, ahead=2)
    assert used == [30]
    assert most[0] <= 2 + 2, "two wait, one is used, and one was used and is not counted yet"


def test_who_waits_for_room_hears_of_a_failure() -> None:
    def make(give: Callable[[int], None]) -> None:
        for thing in range(1000):
            give(thing)

    def fail(_: int) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        hand_out(make, fail, workers=1, ahead=1)


@pytest.mark.parametrize("who", ["maker", "user"])
def test_when_the_maker_or_a_user_fails_all_stop(who: str) -> None:
    def make(give: Callable[[int], None]) -> None:
        give(1)
        if who == "maker":
            raise ValueError(who)
        _work_until_stopped()

    def use(_: int) -> None:
        if who == "user":
            raise ValueError(who)
        _work_until_stopped()

    with pytest.raises(ValueError, match=who):
        hand_out(make, use, workers=3)
    until(lambda: not _threads())


def test_one_uses_what_many_make() -> None:
    def make(give: Callable[[int], None]) -> str:
        run_all(give, range(20), workers=4)
        return "made"

    used: list[int | None] = []
    assert hand_in(make, used.extend, ahead=1, pause=60.0) == "made"
    assert sorted(filter(None, used)) == list(range(1, 20))
    assert None not in used


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
