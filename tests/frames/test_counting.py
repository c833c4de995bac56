"""A call with many names tells how many there are before it begins, and a short one says nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

import ocinb
from ocinb.frames.batch import FEW
from ocinb.progress.protocol import State, Task
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


def test_a_pull_of_many_tells_nobody_else_than_its_own_progress(registry: SampleRegistry) -> None:
    board = Board()
    names = [f"nowhere{number}:1" for number in range(FEW + 1)]
    with pytest.raises(ocinb.errors.OcinbError):
        ocinb.pull([registry.reference(name) for name in names], progress=board)
    assert board.told[0] == "Asking for 51 names"
