"""Layers are fetched and read once; those with a table of contents are not fetched for their list, nor for a file."""

from __future__ import annotations

import random
import re
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import MIB, settings
from ocinb.errors import IntegrityError, InvalidError, OcinbError, TransportError
from ocinb.frames import layer_reader
from ocinb.frames import layer_reader as laid_module
from ocinb.layer_index import index_layers
from ocinb.progress.protocol import State, Task
from ocinb.rootfs.filesystem import overlay
from ocinb.rootfs.toc import find_toc
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer, Manifest, Step, make_image, make_layer
from ocinb.samples.seekable_layers import make_estargz, make_zstd_chunked, toc_image
from ocinb.samples.tars import file, hardlink, noise, symlink, whiteout
from ocinb.sources.session import close_default_session, fresh_session
from ocinb.spec.digest import Digest
from ocinb.spec.toc_annotations import toc_digests
from tests.documents import REPOSITORY, put_image, put_schema1
from tests.frames.layerfacts import layer_of, put_layers
from tests.spec.signing import Step as OldStep

FUNCTIONS: dict[str, Callable[..., pd.DataFrame]] = {
    "files": ocinb.files,
    "filesystem": ocinb.filesystem,
    "hidden": ocinb.hidden,
    "efficiency": ocinb.efficiency,
    "layers": lambda *names, **more: ocinb.layers(*names, depth="files", **more),
}
LISTS = ["files", "filesystem", "hidden"]
BASE = [
    *(file(f"srv/{number}", noise(str(number), 40_000)) for number in range(30)),
    file("key", "secret"),
    hardlink("again", "srv/7"),
    symlink("link", "/srv/8"),
]
TOP = [whiteout("key"), file("srv/9", "nine"), file("big", noise("big", 200_000))]
MAKERS: dict[str, Callable[..., Layer]] = {"estargz": make_estargz, "zstd:chunked": make_zstd_chunked}


def put(registry: SampleRegistry, manifest: Manifest, tag: str) -> str:
    for blob in manifest.blobs:
        registry.put_blob(blob.raw)
    registry.put_manifest(REPOSITORY, manifest.raw, media_type=manifest.media_type, tag=tag)
    return registry.reference(f"{REPOSITORY}:{tag}")


def put_stack(registry: SampleRegistry, layers: Sequence[Layer], tag: str = "1") -> str:
    made = [Step(f"RUN {number}", "2025-01-01T00:00:00Z", one) for number, one in enumerate(layers)]
    return put(registry, make_image("linux/amd64", made).manifest, tag)


def stack(form: str, mtime: int = 1_700_000_000) -> list[Layer]:
    return [MAKERS[form](entries, mtime=mtime) for entries in (BASE, TOP)]


def sent_of(registry: SampleRegistry, layers: Sequence[Layer], since: int = 0) -> list[tuple[int, str | None]]:
    """Give for each question about a layer which one it was, and what part was asked for."""
    numbers = {str(layer.digest): number for number, layer in enumerate(layers)}
    asked = [(request.path.rpartition("/")[2], request) for request in list(registry.requests)[since:]]
    return [(numbers[digest], request.header("Range")) for digest, request in asked if digest in numbers]


@pytest.mark.parametrize("form", MAKERS)
def test_tables_of_contents_are_asked_for_once(registry: SampleRegistry, form: str) -> None:
    reference = put_stack(registry, stack(form))
    frames = {name: FUNCTIONS[name](reference) for name in LISTS}
    before = len(registry.requests)
    settings.offline = True
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(FUNCTIONS[name](reference), frame)
    with pytest.raises(TransportError, match="offline"):
        ocinb.read(reference, "srv/7")
    assert len(registry.requests) == before
    settings.offline = False
    assert ocinb.read(reference, "srv/7") == noise("7", 40_000)
    assert len(registry.requests) == before + 1


@pytest.mark.parametrize("form", MAKERS)
def test_tables_of_contents_go_with_the_images_that_promise_them(registry: SampleRegistry, form: str) -> None:
    layers = stack(form)
    promised = {digest.hex for layer in layers for digest in toc_digests(layer.annotations)}
    reference = put_stack(registry, layers)
    ocinb.files(reference)
    ocinb.pull(reference, progress=False)
    blobs = settings.store_dir / "blobs/sha256"
    assert promised <= {path.name for path in blobs.iterdir()}
    assert ocinb.store.verify(progress=False).empty
    assert ocinb.store.images()["missing_blobs"].tolist() == [0]
    ocinb.store.prune(keep_bytes=0)
    assert promised <= {path.name for path in blobs.iterdir()}, "what has a name needs them"
    ocinb.store.remove(reference)
    assert not any(blobs.iterdir())


@pytest.mark.parametrize("form", MAKERS)
def test_a_registry_without_ranges_gives_the_whole_layer(registry: SampleRegistry, form: str) -> None:
    layers = stack(form)
    reference = put_stack(registry, layers)
    registry.fault("*/blobs/*", ignore_range=True, times=None)
    assert ocinb.files(reference)["path"].tolist()[: len(BASE)] == [entry.path for entry in BASE]
    assert ocinb.read(reference, "srv/9") == b"nine"
    assert all((settings.store_dir / "blobs/sha256" / layer.digest.hex).exists() for layer in layers)


def test_a_registry_that_gives_no_parts_any_more_gives_the_whole_layer(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = stack("estargz")
    reference = put_stack(registry, layers)

    def find_and_lose(*given: Any, **more: Any) -> Any:
        toc = find_toc(*given, **more)
        if len(sent_of(registry, layers)) >= 2:
            registry.fault("*/blobs/*", ignore_range=True, times=None)
        return toc

    monkeypatch.setattr(layer_reader, "find_toc", find_and_lose)
    assert ocinb.read(reference, "srv/9") == b"nine"


def test_a_table_of_contents_may_stand_in_another_image(registry: SampleRegistry) -> None:
    layers = [make_estargz(entries, mtime=1_700_000_000, outside=True) for entries in (BASE, TOP)]
    reference = put_stack(registry, layers, "lazy")
    put(registry, toc_image(layers), "lazy-esgztoc")
    assert len(ocinb.files(reference)) == len(BASE) + len(TOP)
    assert all(part for _, part in sent_of(registry, layers))


def test_a_table_of_contents_that_is_another_one_is_an_error(registry: SampleRegistry) -> None:
    lazy = stack("estargz")
    notes = {**lazy[0].annotations, "containerd.io/snapshot/stargz/toc.digest": f"sha256:{'0' * 64}"}
    wrong = Layer(lazy[0].raw, lazy[0].media_type, lazy[0].diff_id, notes)
    reference = put_stack(registry, [wrong, lazy[1]])
    with pytest.raises(IntegrityError) as caught:
        ocinb.files(reference)
    assert caught.value.reference == reference


def rename(toc: dict[str, Any]) -> dict[str, Any]:
    """Say that a file has another name."""
    return toc | {"entries": [row | {"name": row["name"].replace("tool", "other")} for row in toc["entries"]]}


@pytest.mark.parametrize("own", [False, True], ids=["another image promises nothing", "another image has its own"])
def test_a_table_is_believed_for_the_image_that_promises_it_alone(registry: SampleRegistry, *, own: bool) -> None:
    entries = [file("usr/tool", "good" * 100)]
    honest, lying = make_estargz(entries, outside=True), make_estargz(entries, outside=True, edit=rename)
    assert honest.digest == lying.digest, "each has its table beside it"
    liar = put_stack(registry, [lying], "liar")
    put(registry, toc_image([lying]), "liar-esgztoc")
    right = put_stack(registry, [honest if own else replace(honest, annotations={})], "right")
    put(registry, toc_image([honest]), "right-esgztoc")
    frame = ocinb.files([liar, right])
    assert frame["path"].tolist() == ["usr/other", "usr/tool"]
    assert ocinb.read(right, "usr/tool") == b"good" * 100


@pytest.mark.parametrize("fault", [{"ignore_range": True}, {}])
def test_a_size_that_nobody_says_is_an_error_and_else_it_is_that_of_the_whole(
    registry: SampleRegistry, fault: dict[str, Any]
) -> None:
    layer = layer_of(BASE)
    registry.put_blob(layer.raw)
    put_schema1(registry, OldStep(["/bin/sh"], str(layer.digest)))
    reference = registry.reference(f"{REPOSITORY}:old")
    if fault:
        registry.fault("*/blobs/*", times=None, **fault)
        assert len(ocinb.files(reference)) == len(BASE)
        return
    registry.fault("*/blobs/*", headers={"Content-Range": "bytes 0-0/*"}, times=None)
    with pytest.raises(TransportError, match=f"nobody says how large the layer {layer.digest} is"):
        ocinb.files(reference)


@pytest.mark.parametrize("form", ["plain", *MAKERS])
def test_a_layer_counts_as_often_as_it_stands_in_an_image(registry: SampleRegistry, form: str) -> None:
    entries = [file(f"d/{number}", str(number)) for number in range(100)]
    layer = layer_of(entries) if form == "plain" else MAKERS[form](entries)
    reference = put_stack(registry, [layer] * 3, "thrice")
    settings.max_tar_entries = 299
    for _ in range(2):  # read, and then known
        with pytest.raises(InvalidError, match="more entries together than max_tar_entries = 299") as caught:
            ocinb.files(reference)
        assert caught.value.reference == reference
    assert ocinb.read(reference, "d/7", layer=1) == b"7"
    settings.max_tar_entries = 300
    assert len(ocinb.files(reference)) == 300


@pytest.mark.parametrize("form", ["plain", *MAKERS])
def test_no_more_layers_are_read_when_those_that_were_have_too_many_entries(
    registry: SampleRegistry, form: str
) -> None:
    contents = [[file(f"{name}/{number}", "x") for number in range(100)] for name in "abcdefghijkl"]
    layers = [layer_of(entries) if form == "plain" else MAKERS[form](entries) for entries in contents]
    reference = put_stack(registry, layers)
    settings.max_tar_entries, settings.concurrency = 500, 1
    with pytest.raises(InvalidError, match="more entries together than max_tar_entries = 500") as caught:
        ocinb.files(reference)
    assert caught.value.reference == reference
    assert ocinb.store.usage().set_index("kind")["entries"].to_dict()["index"] <= 6


def test_a_broken_layer_is_told_with_its_name_and_the_others_go_on(registry: SampleRegistry) -> None:
    cut = make_layer([file("a", noise("a", 5000))], compression="none")
    broken = Layer(cut.raw[:3000], cut.media_type, cut.diff_id)
    names = [put_stack(registry, [broken], "broken"), put_layers(registry, BASE, tag="whole")]
    with pytest.raises(IntegrityError) as caught:
        ocinb.files(names[0])
    assert caught.value.reference == names[0]
    frame = ocinb.files(names, errors="skip")
    assert frame["reference"].unique().tolist() == names[1:]
    assert [failure["reference"] for failure in frame.attrs["failures"]] == names[:1]


BASE_LAID = [file("a", "one"), file("b", "two"), file("gone", "three"), symlink("link", "b")]


TOP_LAID = [file("a", "four"), whiteout("gone")]


ASKING: dict[str, Callable[[str], pd.DataFrame]] = {
    "files": ocinb.files,
    "hidden": ocinb.hidden,
    "efficiency": ocinb.efficiency,
    "filesystem": ocinb.filesystem,
    "layers": lambda name: ocinb.layers(name, depth="files"),
}


@pytest.fixture
def image(registry: SampleRegistry) -> str:
    return put_layers(registry, BASE_LAID, TOP_LAID)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note whenever layers are read, and whenever they are laid over each other."""
    done: list[str] = []

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def note(*given: Any, **more: Any) -> Any:
            done.append(name)
            return function(*given, **more)

        return note

    monkeypatch.setattr(laid_module, "overlay", noting("laid", overlay))
    monkeypatch.setattr(layer_reader, "index_layers", noting("read", index_layers))
    return done


def blob_of(digest: str) -> Path:
    return settings.store_dir / "blobs" / "sha256" / digest.partition(":")[2]


def test_one_question_after_another_costs_one_laying(image: str, work: list[str]) -> None:
    frames = [ask(image) for ask in ASKING.values()]
    assert ocinb.read(image, "a") == b"four"
    assert work == ["read", "laid"]
    with fresh_session():
        for name, frame in zip(ASKING, frames, strict=True):
            pd.testing.assert_frame_equal(ASKING[name](image), frame)


@pytest.mark.parametrize("form", MAKERS)
def test_what_is_known_without_the_blobs_is_not_enough_for_a_file(registry: SampleRegistry, form: str) -> None:
    layers = stack(form)
    reference = put_stack(registry, layers)
    ocinb.efficiency(reference)
    for layer in layers:
        blob_of(layer.digest).unlink()
    ocinb.files(reference)
    assert ocinb.read(reference, "srv/9") == b"nine"
    assert [layer for layer in layers if blob_of(layer.digest).exists()] == [], "only the chunk of the file came"


def test_a_store_that_was_emptied_is_filled_again(image: str, work: list[str]) -> None:
    assert ocinb.read(image, "a") == b"four"
    ocinb.store.prune(keep_bytes=0)
    assert ocinb.read(image, "a") == b"four"
    assert work == ["read", "laid"] * 2, "what is here decides how it is read"
    ocinb.store.prune(keep_bytes=0)
    settings.offline = True
    with pytest.raises(TransportError, match="offline"):
        ocinb.read(image, "b")


@pytest.mark.parametrize("form", MAKERS)
def test_what_was_laid_by_tables_of_contents_is_read_out_of_the_store_once_it_is_there(
    registry: SampleRegistry, form: str
) -> None:
    layers = stack(form)
    reference = put_stack(registry, layers)
    assert ocinb.read(reference, "srv/9") == b"nine"
    before = len(registry.requests)
    assert ocinb.read(reference, "key", layer=0) == b"secret"
    assert ocinb.read(reference, "srv/9") == b"nine"
    assert len(sent_of(registry, layers, before)) == 2, "only the chunks of the two files"
    ocinb.pull(reference, progress=False)
    before = len(registry.requests)
    assert ocinb.read(reference, "srv/9") == b"nine"
    assert sent_of(registry, layers, before) == []


def test_what_was_refused_is_refused_again(registry: SampleRegistry) -> None:
    layers = stack("estargz")
    raw = bytearray(layers[0].raw)
    raw[-200] ^= 1
    broken = type(layers[0])(bytes(raw), layers[0].media_type, layers[0].diff_id, {})
    reference = put_stack(registry, [broken])
    for _ in range(2):
        with pytest.raises(IntegrityError):
            ocinb.read(reference, "key")


def test_a_frame_keeps_less_than_the_reading_of_a_file(
    image: str, work: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_reader, "_KEPT_BYTES", 10)
    ocinb.read(image, "a")
    ocinb.read(image, "b")
    assert work == ["read", "laid"]
    with fresh_session():
        ocinb.files(image)
        ocinb.files(image)
    assert work == ["read", "laid"] * 3


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


HEALS = ""
Damage = Callable[[Path], object]


def each(change: Callable[[Path], object]) -> Damage:
    """Do something to every blob."""

    def damage(store: Path) -> None:
        for path in (store / "blobs").glob("*/*"):
            change(path)

    return damage


def become_file(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.write_bytes(b"no folder")


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_link(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


# What happened; the file that errors name when layers are asked for, and when the image is pulled again.
DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "index.json is empty": (lambda store: (store / "index.json").write_bytes(b""), HEALS, "index.json"),
    "index.json is no text": (lambda store: (store / "index.json").write_bytes(b"\xff\0"), HEALS, "index.json"),
    "index.json is a list": (lambda store: (store / "index.json").write_bytes(b"[]"), HEALS, "index.json"),
    "index.json is a folder": (lambda store: become_folder(store / "index.json"), HEALS, "index.json"),
    "index.json is gone": (lambda store: (store / "index.json").unlink(), HEALS, HEALS),
    "oci-layout is gone": (lambda store: (store / "oci-layout").unlink(), HEALS, HEALS),
    "oci-layout is no JSON": (lambda store: (store / "oci-layout").write_bytes(b"x"), HEALS, HEALS),
    "all is gone": (shutil.rmtree, HEALS, HEALS),
    "the store is a file": (become_file, "own-store", "own-store"),
    "the blobs are a file": (lambda store: become_file(store / "blobs"), "own-store", "own-store"),
    "the notes are a file": (lambda store: become_file(store / ".ocinb" / "verified"), HEALS, HEALS),
    "our folder is a file": (lambda store: become_file(store / ".ocinb"), "own-store", "own-store"),
    "blobs were overwritten": (each(lambda path: path.write_bytes(b"x" * path.stat().st_size)), HEALS, HEALS),
    "blobs were emptied": (each(lambda path: path.write_bytes(b"")), HEALS, HEALS),
    "blobs were cut": (each(lambda path: path.write_bytes(path.read_bytes()[:-1])), HEALS, HEALS),
    "blobs have grown": (each(lambda path: path.write_bytes(path.read_bytes() + b"x")), HEALS, HEALS),
    "blobs lead nowhere": (each(lambda path: become_link(path, Path("/none/x"))), HEALS, HEALS),
    "blobs lead to another": (each(lambda path: become_link(path, path.parents[2] / "oci-layout")), HEALS, HEALS),
    "blobs are folders": (each(become_folder), "sha256", "sha256"),
}


@pytest.mark.parametrize(("damage", "layers_name", "pull_names"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_store_heals_or_says_what_is_wrong(
    registry: SampleRegistry, damage: Damage, layers_name: str, pull_names: str
) -> None:
    name = registry.reference("demo/shop:2.0")
    right = ocinb.layers(name, platform="all")
    ocinb.pull(name, platform="arm64", progress=False)
    close_default_session()
    damage(settings.store_dir)
    _try(lambda: ocinb.layers(name, platform="all").equals(right), layers_name)
    _try(lambda: set(ocinb.pull(name, platform="arm64", verify="full", progress=False)["outcome"]), pull_names)
    assert len(ocinb.store.usage()) == 4


def _try(call: Callable[[], object], names: str) -> None:
    if names == HEALS:
        assert call()
    else:
        with pytest.raises(OcinbError, match=names) as caught:
            call()
        assert caught.value.hint
