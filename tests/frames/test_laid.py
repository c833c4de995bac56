"""The file system of an image is laid once for many files of it, and what is remembered is bounded and never wrong."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

import pytest

import ocinb
from ocinb._pool import run_all
from ocinb._settings import settings
from ocinb.archive.entries import Columns
from ocinb.errors import IntegrityError, NotFoundError, TransportError
from ocinb.frames import laid as laid_module
from ocinb.frames import reading
from ocinb.frames.laid import ROW_BYTES, Laid, Recent
from ocinb.frames.reading import LayerContents
from ocinb.indexing import index_layers
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
    monkeypatch.setattr(reading, "index_layers", noting("read", index_layers))
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
