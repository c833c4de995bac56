"""A call with many names tells how many there are before it begins, and a short one says nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

import ocinb
from ocinb.frames.batch import FEW, counted
from ocinb.progress.protocol import NoProgress, State, Task
from ocinb.samples import SampleRegistry


class Board:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.tasks = 0

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        self.told.append(title)
        self.tasks = len(tasks)

    def advance(self, key: str, amount: int) -> None:
        pytest.fail(f"{key} has no size, but moved by {amount}")

    def state(self, _: str, state: State) -> None:
        self.told.append(state)

    def finish(self, summary: str) -> None:
        self.told.append(summary)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    made = Board()
    monkeypatch.setattr("ocinb.frames.batch.choose_progress", lambda _: made)
    return made


def test_many_tags_are_counted(registry: SampleRegistry, board: Board) -> None:
    tags = [f"v{number}" for number in range(FEW + 1)]
    registry.fault("*/tags/list*", body=json.dumps({"name": "demo/shop", "tags": tags}))
    assert len(ocinb.tags(registry.reference("demo/shop"), digests=True)) == FEW + 1
    assert board.told[0] == "Asking for 51 digests"
    assert board.told[1:-1] == [State.DONE] * 51
    assert board.told[-1].startswith("Asking for 51 digests: 51 of 51 in ")
    assert board.tasks == sum(request.method == "HEAD" for request in registry.requests)


def test_few_are_not(registry: SampleRegistry, board: Board) -> None:
    ocinb.tags(registry.reference("demo/shop"), digests=True)
    ocinb.layers(registry.reference("demo/shop:2.0"))
    assert board.told == []


def test_what_fails_ends_the_bar_as_well(board: Board) -> None:
    names = [str(number) for number in range(FEW + 1)]

    def ask() -> None:
        with counted(names, "asking") as done:
            assert done("7", "result") == "result"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        ask()
    assert board.told[:2] == ["asking", State.DONE]
    assert board.told[-1].startswith("asking: 1 of 51 in ")


def test_a_pull_of_many_tells_nobody_else_than_its_own_progress(registry: SampleRegistry) -> None:
    board = Board()
    names = [f"nowhere{number}:1" for number in range(FEW + 1)]
    with pytest.raises(ocinb.errors.OcinbError):
        ocinb.pull([registry.reference(name) for name in names], progress=board)
    assert board.told[0] == "Asking for 51 names"


def test_a_pull_of_many_without_progress_tells_nobody(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def choose(progress: object) -> NoProgress:
        asked.append(progress)
        return NoProgress()

    monkeypatch.setattr("ocinb.frames.batch.choose_progress", choose)
    names = [registry.reference(f"nowhere{number}:1") for number in range(FEW + 1)]
    assert ocinb.pull(names, progress=False, errors="skip").empty
    assert asked == [False]
