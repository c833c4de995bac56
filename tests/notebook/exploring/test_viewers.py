"""What was read is let go when nobody looks any more and nothing is done, and never before."""

from __future__ import annotations

import pytest

from ocinb._pool import run_all
from ocinb.notebook.explore.widget import Viewers


class Held:
    """Something that is made when it is wanted, until it is let go."""

    def __init__(self) -> None:
        self.viewers = Viewers(self.let_go)
        self.things: list[object] = []
        self.times = 0

    def let_go(self) -> None:
        self.times += 1
        self.things.clear()


@pytest.fixture
def held() -> Held:
    return Held()


def test_it_is_let_go_when_the_last_one_goes(held: Held) -> None:
    for name in ("one", "two", "one"):
        held.viewers.come(name)
    for name in ("one", "one", "three"):
        held.viewers.go(name)
    assert held.times == 0
    held.viewers.go("two")
    held.viewers.go("two")
    assert held.times == 1


def test_what_nobody_has_looked_at_yet_waits(held: Held) -> None:
    held.viewers.go("one")
    with held.viewers.at_work():
        pass
    assert held.times == 0


def test_what_is_done_comes_to_its_end(held: Held) -> None:
    held.viewers.come("one")
    with held.viewers.at_work():
        with held.viewers.at_work():
            held.viewers.go("one")
        assert held.times == 0
    assert held.times == 1


def test_what_is_done_afterwards_is_let_go_too(held: Held) -> None:
    held.viewers.come("one")
    held.viewers.go("one")
    with pytest.raises(KeyboardInterrupt), held.viewers.at_work():
        raise KeyboardInterrupt
    assert held.times == 2


def test_whoever_comes_meanwhile_finds_it(held: Held) -> None:
    held.viewers.come("one")
    with held.viewers.at_work():
        held.viewers.go("one")
        held.viewers.come("two")
    assert held.times == 0
    held.viewers.go("two")
    assert held.times == 1


def test_in_many_threads_nothing_goes_that_is_used(held: Held) -> None:
    def look(number: int) -> bool:
        name = str(number % 40)
        held.viewers.come(name)
        with held.viewers.at_work():
            held.things.append(number)
            if number % 3:
                held.viewers.go(name)
            is_there = number in held.things
        held.viewers.go(name)
        return is_there

    assert all(run_all(look, range(2000), workers=8))
    assert held.things == []
    assert held.times > 0
