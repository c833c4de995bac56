"""The file system of an image is laid once for many files of it, and what is remembered is bounded and never wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, TransportError
from ocinb.frames import layer_reader
from ocinb.frames import layer_reader as laid_module
from ocinb.layer_index import index_layers
from ocinb.rootfs.filesystem import overlay
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import file, symlink, whiteout
from ocinb.sources.session import fresh_session
from tests.frames.layerfacts import put_layers
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
