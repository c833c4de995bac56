"""Reading layers is watched: every layer is told of once, and how it ended."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import ocinb
from ocinb._settings import MIB, settings
from ocinb.errors import IntegrityError
from ocinb.progress.protocol import State, Task
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from tests.documents import REPOSITORY, put_image
from tests.frames.layerfacts import put_layers

SHOP = "demo/shop:2.0"


class Board:
    """Notes what it is told, and may end it."""

    def __init__(self, stop_at: State | None = None) -> None:
        self.titles: list[str] = []
        self.tasks: list[Task] = []
        self.states: dict[str, list[State]] = {}
        self.received: dict[str, int] = {}
        self.lines: list[str] = []
        self._stop_at = stop_at
        self._lock = threading.Lock()

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        self.titles.append(title)
        self.tasks.extend(tasks)

    def advance(self, key: str, amount: int) -> None:
        with self._lock:
            self.received[key] = self.received.get(key, 0) + amount

    def state(self, key: str, state: State) -> None:
        with self._lock:
            self.states.setdefault(key, []).append(state)
        if state is self._stop_at:
            raise KeyboardInterrupt

    def finish(self, summary: str) -> None:
        self.lines.append(summary)


class StopAtBytes(Board):
    """Ends it when the first bytes came."""

    def advance(self, key: str, amount: int) -> None:
        super().advance(key, amount)
        raise KeyboardInterrupt


READERS: dict[str, Callable[..., Any]] = {
    "files": ocinb.files,
    "layers": lambda *names, **more: ocinb.layers(*names, depth="files", **more),
    "read": lambda name, **more: ocinb.read(name, "etc/passwd", **more),
}


def test_of_many_names_it_says_how_many_failed(registry: SampleRegistry) -> None:
    broken = ocinb.layers(registry.reference("demo/shop:1.0"))["digest"].iloc[-1]
    registry.fault(f"*/blobs/{broken}", status=404, times=None)
    names = [registry.reference(one) for one in ("demo/hello", "demo/shop:1.0", "demo/base:12", "demo/gone:1")]
    board = Board()
    ocinb.files(names, errors="skip", progress=board)
    assert board.titles == ["Reading 3 references"]
    assert re.fullmatch(r"Read 2 references: \d+ layers in .*s; 2 failed", board.lines[0])


def lost(registry: SampleRegistry, tag: str = "1") -> str:
    """Put an image whose layer is gone."""
    name = put_layers(registry, [file("a", tag)], tag=tag)
    registry.fault(f"*/blobs/{ocinb.layers(name)['digest'][0]}", status=404, times=None)
    return name


@pytest.mark.parametrize("name", READERS)
def test_what_failed_says_what_is_kept_of_it(registry: SampleRegistry, name: str) -> None:
    text = b"this is no tar" * 100
    put_image(registry, Layer(text, "application/vnd.oci.image.layer.v1.tar", Digest.of(text)))
    reference, boards = registry.reference(f"{REPOSITORY}:1"), [Board(), Board()]
    for board in boards:
        with pytest.raises(IntegrityError):
            READERS[name](reference, progress=board)
    assert boards[0].lines == [f"Reading {reference} failed; what came is kept and resumed next time"]
    assert boards[1].lines == [f"Reading {reference} failed"], "it was here"


@pytest.mark.parametrize("name", READERS)
def test_it_can_be_stopped_and_goes_on_where_it_was(registry: SampleRegistry, name: str) -> None:
    reference, board = registry.reference(SHOP), Board(stop_at=State.READING)
    with pytest.raises(KeyboardInterrupt):
        READERS[name](reference, progress=board)
    assert board.lines == [f"Reading {reference} stopped; what came is kept and resumed next time"]
    come = {f"sha256:{blob.name}" for blob in (settings.store_dir / "blobs" / "sha256").iterdir()}
    before = len(registry.requests)
    READERS[name](reference)
    asked = {request.path.rpartition("/")[2] for request in registry.requests[before:]}
    assert come & set(ocinb.layers(reference)["digest"]), "one of the layers had come"
    assert not come & asked, "what had come is not asked for again"


@pytest.mark.parametrize("name", READERS)
def test_a_part_that_came_is_kept_and_told_of_too(registry: SampleRegistry, name: str) -> None:
    reference, board = put_layers(registry, [file("etc/passwd", random.Random(1).randbytes(3 * MIB))]), StopAtBytes()
    with pytest.raises(KeyboardInterrupt):
        READERS[name](reference, progress=board)
    assert ocinb.store.usage().set_index("kind")["entries"]["parts"] == 1
    assert board.lines == [f"Reading {reference} stopped; what came is kept and resumed next time"]


def test_a_store_that_cannot_be_looked_at_hides_no_interrupt(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> Any:
        raise PermissionError("no")

    reference, board = registry.reference(SHOP), Board(stop_at=State.READING)
    monkeypatch.setattr("ocinb.frames.contents_batch.list_arrived", refuse)
    with pytest.raises(KeyboardInterrupt):
        ocinb.files(reference, progress=board)
    assert board.lines == [f"Reading {reference} stopped"]
