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
from ocinb.errors import IntegrityError, NotFoundError
from ocinb.frames.layer_reader import Reader
from ocinb.progress.protocol import State, Task
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer
from ocinb.samples.seekable_layers import make_estargz
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from ocinb.storage.layout import Layout
from tests.documents import REPOSITORY, put_image
from tests.frames.layerfacts import put_layers
from tests.frames.test_reading import put_stack

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


@pytest.mark.parametrize("name", READERS)
def test_each_layer_is_told_of_once(registry: SampleRegistry, name: str) -> None:
    reference, board = registry.reference(SHOP), Board()
    layers = ocinb.layers(reference)
    READERS[name](reference, progress=board)
    assert board.titles == [f"Reading {reference}"]
    assert [task.key for task in board.tasks] == layers["digest"].tolist()
    assert [task.detail for task in board.tasks] == layers["instruction"].tolist()
    assert all(states[-1].complete for states in board.states.values())
    assert board.states.keys() == {task.key for task in board.tasks}
    assert board.received == {task.key: task.total for task in board.tasks}
    [line] = board.lines
    assert re.fullmatch(rf"Read {re.escape(reference)}: 7 layers in .*s", line)


def test_what_is_known_is_told_to_be_present_and_at_the_end_nothing(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = registry.reference(SHOP)
    ocinb.files(reference)
    for seconds, line in ((60.0, ""), (-1.0, f"Read {reference}: 7 layers in ")):
        monkeypatch.setattr("ocinb.frames.layer_reader.DELAY", seconds)
        board = Board()
        ocinb.files(reference, progress=board)
        assert {states[-1] for states in board.states.values()} == {State.PRESENT}
        assert len(board.states) == 7
        assert board.lines[0].startswith(line)
        assert bool(board.lines[0]) is bool(line), "what somebody waited for is told"


def test_a_title_has_as_much_of_a_digest_as_people_read(registry: SampleRegistry) -> None:
    board = Board()
    digest = ocinb.document(registry.reference(SHOP)).digest
    ocinb.files(registry.reference(f"demo/shop@{digest}"), progress=board)
    assert board.titles == [f"Reading {registry.host}/demo/shop@{digest[:19]}…"]


def test_a_layer_that_is_listed_by_its_table_is_told_to_be_present(registry: SampleRegistry) -> None:
    board = Board()
    layer = make_estargz([file("a", "x")])
    ocinb.files(put_stack(registry, [layer]), progress=board)
    assert board.states == {layer.digest: [State.PRESENT]}


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
def test_what_failed_says_so(registry: SampleRegistry, name: str) -> None:
    reference, board = lost(registry), Board()
    with pytest.raises(NotFoundError):
        READERS[name](reference, progress=board)
    assert board.lines == [f"Reading {reference} failed"]


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


def test_if_all_failed_that_is_what_is_said(registry: SampleRegistry) -> None:
    names, board = [lost(registry, tag) for tag in ("a", "b")], Board()
    assert len(ocinb.files(names, errors="skip", progress=board)) == 0
    assert board.lines == ["Reading 2 references failed"]


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


@pytest.mark.parametrize("name", READERS)
def test_where_nothing_came_nothing_is_said_to_be_kept(registry: SampleRegistry, name: str) -> None:
    reference = registry.reference(SHOP)
    ocinb.pull(reference, progress=False)
    board = Board(stop_at=State.READING)
    with pytest.raises(KeyboardInterrupt):
        READERS[name](reference, progress=board)
    assert board.lines == [f"Reading {reference} stopped"], "all of it was here"


def test_a_store_that_cannot_be_looked_at_hides_no_interrupt(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> Any:
        raise PermissionError("no")

    reference, board = registry.reference(SHOP), Board(stop_at=State.READING)
    monkeypatch.setattr("ocinb.frames.layer_reader.list_arrived", refuse)
    with pytest.raises(KeyboardInterrupt):
        ocinb.files(reference, progress=board)
    assert board.lines == [f"Reading {reference} stopped"]


def test_nothing_is_drawn_where_there_is_nothing_to_read(registry: SampleRegistry) -> None:
    board = Board()
    ocinb.files([], progress=board)
    ocinb.files(put_layers(registry), progress=board)
    ocinb.layers(registry.reference("demo/chart:0.1"), depth="files", progress=board)
    assert board.titles == board.lines == []
    assert not (settings.store_dir / "index").exists()


def test_nobody_can_remove_what_was_read_while_others_come(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[bool | None] = []
    layers = Reader.layers

    def look(self: Any, image: Any, numbers: Any) -> Any:
        with Layout(settings.store_dir, private=True).unless_in_use() as free:
            used.append(free)
        return layers(self, image, numbers)

    monkeypatch.setattr(Reader, "layers", look)
    ocinb.files([registry.reference("demo/hello"), registry.reference("demo/base:12")])
    assert used == [False, False]
