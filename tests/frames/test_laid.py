"""The file system of an image is laid once for many files of it, and what is remembered is bounded and never wrong."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._pool import run_all
from ocinb._settings import settings
from ocinb.archive.entries import Columns
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.frames import layer_reader
from ocinb.frames import layer_reader as laid_module
from ocinb.frames.layer_reader import ROW_BYTES, Laid, LayerContents, Reader, Recent
from ocinb.layer_index import index_layers
from ocinb.progress.protocol import State
from ocinb.rootfs.filesystem import overlay
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import file, symlink, whiteout
from ocinb.sources.session import close_default_session, default_session, fresh_session
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from tests.frames.layerfacts import put_layers
from tests.frames.test_inside import Board
from tests.frames.test_reading import MAKERS, put_stack, sent_of, stack

BASE = [file("a", "one"), file("b", "two"), file("gone", "three"), symlink("link", "b")]
TOP = [file("a", "four"), whiteout("gone")]

ASKING: dict[str, Callable[[str], pd.DataFrame]] = {
    "files": ocinb.files,
    "hidden": ocinb.hidden,
    "efficiency": ocinb.efficiency,
    "filesystem": ocinb.filesystem,
    "layers": lambda name: ocinb.layers(name, depth="files"),
}


@pytest.fixture
def image(registry: SampleRegistry) -> str:
    return put_layers(registry, BASE, TOP)


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


def test_many_files_cost_one_laying(image: str, work: list[str]) -> None:
    assert [ocinb.read(image, path) for path in ("a", "b", "link", "a")] == [b"four", b"two", b"two", b"four"]
    assert work == ["read", "laid"]
    with pytest.raises(NotFoundError, match="Layer 0 stores it, and layer 1 hides it"):
        ocinb.read(image, "gone")
    assert work == ["read", "laid"]


def test_each_stack_of_layers_is_one_of_its_own(image: str, work: list[str]) -> None:
    for _ in range(2):
        assert ocinb.read(image, "a", layer=0) == b"one"
        assert ocinb.read(image, "a", layer=1) == b"four"
        assert ocinb.read(image, "gone", layer=0) == b"three"
        assert ocinb.read(image, "a") == b"four"
    assert work == ["read", "laid"] * 3


def blob_of(digest: str) -> Path:
    return settings.store_dir / "blobs" / "sha256" / digest.partition(":")[2]


def test_one_question_after_another_costs_one_laying(image: str, work: list[str]) -> None:
    frames = [ask(image) for ask in ASKING.values()]
    assert ocinb.read(image, "a") == b"four"
    assert work == ["read", "laid"]
    with fresh_session():
        for name, frame in zip(ASKING, frames, strict=True):
            pd.testing.assert_frame_equal(ASKING[name](image), frame)


def test_a_frame_is_its_owners_alone(image: str) -> None:
    before = ocinb.files(image)
    changed = ocinb.files(image)
    for column in changed.columns:
        changed[column].array[:] = changed[column].array[-1]
    pd.testing.assert_frame_equal(ocinb.files(image), before)


def test_layers_that_lie_under_each_other_in_several_images_are_read_once(
    registry: SampleRegistry, work: list[str]
) -> None:
    names = [put_layers(registry, BASE, [file("a", tag)], tag=tag) for tag in ("1", "2")]
    for _ in range(2):
        assert ocinb.filesystem(names).groupby("reference", sort=False).size().tolist() == [4, 4]
        assert [ocinb.read(name, "a") for name in names] == [b"1", b"2"]
    assert work == ["read", "laid"] * 2


def test_a_limit_that_is_lowered_holds_for_what_is_known_too(image: str) -> None:
    assert len(ocinb.files(image)) == 6
    settings.max_tar_entries = 5
    for ask in ASKING.values():
        with pytest.raises(InvalidError, match="more entries together than max_tar_entries = 5"):
            ask(image)
    settings.max_tar_entries = 6
    assert len(ocinb.files(image)) == 6


def test_a_blob_that_changed_its_size_is_looked_at_again(image: str, work: list[str]) -> None:
    before = ocinb.files(image)
    [layer, *_] = ocinb.layers(image).to_dict("records")
    blob = blob_of(layer["digest"])
    blob.write_bytes(blob.read_bytes() + b"x")
    pd.testing.assert_frame_equal(ocinb.files(image), before)
    assert work == ["read", "laid"] * 2
    assert blob.stat().st_size == layer["compressed_bytes"], "it was fetched anew"


def test_blobs_that_are_gone_are_not_wanted_for_what_is_known(
    registry: SampleRegistry, image: str, work: list[str]
) -> None:
    before = ocinb.files(image)
    for blob in ocinb.layers(image)["digest"]:
        blob_of(blob).unlink()
    sent = len(registry.requests)
    pd.testing.assert_frame_equal(ocinb.files(image), before)
    assert ocinb.efficiency(image)["stored_bytes"].tolist() == [15]
    assert len(registry.requests) == sent
    assert work == ["read", "laid"] * 2, "the second time, what is known without the blobs"


@pytest.mark.parametrize("form", MAKERS)
def test_what_was_laid_by_tables_of_contents_is_not_enough_for_sizes(registry: SampleRegistry, form: str) -> None:
    reference = put_stack(registry, stack(form))
    rows = ocinb.files(reference)
    sizes = ocinb.layers(reference, depth="files")["tar_bytes"]
    assert sizes.notna().all()
    assert ocinb.efficiency(reference)["tar_bytes"].tolist() == [sizes.sum()]
    pd.testing.assert_frame_equal(ocinb.files(reference), rows)


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


def test_nor_if_the_layers_came_while_their_tables_were_read(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = put_stack(registry, stack("estargz"))
    layers = Reader.layers

    def pull_after(self: Any, *given: Any) -> Any:
        read = layers(self, *given)
        ocinb.pull(reference, progress=False)
        return read

    with monkeypatch.context() as patch:
        patch.setattr(Reader, "layers", pull_after)
        ocinb.files(reference)
    assert ocinb.efficiency(reference)["tar_bytes"].notna().all()


def test_a_tag_that_moves_leads_to_the_other_image(registry: SampleRegistry, image: str) -> None:
    settings.tag_ttl = 0
    assert ocinb.read(image, "a") == b"four"
    assert put_layers(registry, [file("a", "five")]) == image
    assert ocinb.read(image, "a") == b"five"


def test_a_store_that_was_emptied_is_filled_again(image: str, work: list[str]) -> None:
    assert ocinb.read(image, "a") == b"four"
    ocinb.store.prune(keep_bytes=0)
    assert ocinb.read(image, "a") == b"four"
    assert work == ["read", "laid"] * 2, "what is here decides how it is read"
    ocinb.store.prune(keep_bytes=0)
    settings.offline = True
    with pytest.raises(TransportError, match="offline"):
        ocinb.read(image, "b")


def test_another_store_knows_nothing_of_it(image: str, work: list[str], tmp_path: Any) -> None:
    assert ocinb.read(image, "a") == b"four"
    settings.store_dir = tmp_path / "other"
    assert ocinb.read(image, "a") == b"four"
    with fresh_session():
        assert ocinb.read(image, "a") == b"four"
    assert work == ["read", "laid"] * 3


def test_it_goes_with_the_session(image: str) -> None:
    ocinb.read(image, "a")
    assert default_session() in laid_module._of_sessions
    close_default_session()
    gc.collect()
    assert len(laid_module._of_sessions) == 0


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


def test_a_file_is_asked_for_where_the_image_is_this_time(registry: SampleRegistry) -> None:
    layers = stack("estargz")
    first = put_stack(registry, layers)
    assert ocinb.read(first, "srv/9") == b"nine"
    digest = ocinb.document(first).digest
    registry.put_manifest("demo/other", ocinb.document(first).raw, tag="1")
    registry.fault("*/demo/documents/blobs/*", status=404, times=None)
    assert ocinb.read(registry.reference(f"demo/other@{digest}"), "srv/9") == b"nine"


def test_what_was_refused_is_refused_again(registry: SampleRegistry) -> None:
    layers = stack("estargz")
    raw = bytearray(layers[0].raw)
    raw[-200] ^= 1
    broken = type(layers[0])(bytes(raw), layers[0].media_type, layers[0].diff_id, {})
    reference = put_stack(registry, [broken])
    for _ in range(2):
        with pytest.raises(IntegrityError):
            ocinb.read(reference, "key")


def test_threads_that_read_at_a_time_lay_it_once(image: str, work: list[str]) -> None:
    assert run_all(lambda _: ocinb.read(image, "b", progress=False), range(8), workers=8) == [b"two"] * 8
    assert work == ["read", "laid"]


def test_a_forked_process_begins_with_nothing(image: str) -> None:
    ocinb.read(image, "a")
    with laid_module._lock:  # as another thread may have it at that moment
        child = os.fork()
        if not child:
            free = laid_module._lock.acquire(blocking=False)
            os._exit(0 if free and len(laid_module._of_sessions) == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert default_session() in laid_module._of_sessions


def test_what_is_known_is_told_to_be_present(image: str) -> None:
    ocinb.read(image, "a")
    board = Board()
    ocinb.read(image, "a", progress=board)
    assert [states[0] for states in board.states.values()] == [State.PRESENT] * 2


def laid_of(paths: int, name: str = "x") -> Laid:
    columns = Columns()
    for number in range(paths):
        path = f"{number:05}{name}"
        columns.extend(Columns([number], [path], ["file"], [0], [0], [0], [0], [0], [None], [bytes(32)], [0]))
    return Laid.over([LayerContents(Descriptor("", Digest.of(b""), 0), columns)])


class TestRecent:
    def test_what_was_used_longest_ago_goes_first(self) -> None:
        recent, kept = Recent(3 * (ROW_BYTES + 6)), [laid_of(1) for _ in range(4)]
        for number in range(3):
            recent.keep(number, kept[number])
        assert recent.find(0) is kept[0]
        recent.keep(3, kept[3])
        assert [recent.find(number) is not None for number in range(4)] == [True, False, True, True]

    def test_what_takes_too_much_alone_is_not_kept_and_sends_nothing_away(self) -> None:
        recent = Recent(10 * (ROW_BYTES + 6))
        recent.keep("small", laid_of(1))
        recent.keep("large", laid_of(11))
        assert recent.find("large") is None
        assert recent.find("small") is not None

    def test_names_count(self) -> None:
        recent = Recent(100_000)
        recent.keep("long", laid_of(1, "x" * 100_000))
        assert recent.find("long") is None

    def test_a_key_that_is_kept_again_counts_once(self) -> None:
        recent = Recent(2 * (ROW_BYTES + 6))
        for _ in range(3):
            recent.keep("one", laid_of(1))
        recent.keep("two", laid_of(1))
        assert recent.find("one") is not None
