"""Tables of contents that were found are kept as blobs, and speak again for the layers for which they were found."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb._pool import run_all
from ocinb._settings import Settings, settings
from ocinb.archive.entries import FILE
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.network.status_errors import RangeError
from ocinb.rootfs.toc import Toc, find_toc
from ocinb.rootfs.toc_discovery import FOOTER_BYTES, Promise, place_in_footer, promise_in, read_part
from ocinb.samples import SampleRegistry
from ocinb.samples.seekable_layers import Seekable, make_estargz, make_zstd_chunked
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.toc_annotations import toc_digests
from ocinb.storage.layout import Layout
from ocinb.storage.safe_files import disk_errors
from tests.rootfs.seekables import FORMS, TREE, put, requests_of, rows, scanned
from tests.storage.stores import all_blobs
from tests.transferring import BLOB, describe, open_repository

TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
ZSTD = "io.github.containers.zstd-chunked."


@pytest.fixture
def store(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "store", private=True)


@pytest.mark.parametrize("form", FORMS)
def test_the_second_reading_asks_nobody(registry: SampleRegistry, store: Layout, form: str) -> None:
    layer = put(registry, FORMS[form])
    first = kept(registry, layer, store)
    before = len(registry.requests)
    second = kept(registry, layer, store)
    assert len(registry.requests) == before
    assert rows(second.columns) == rows(first.columns)
    contents = {entry.path.removeprefix("./"): entry.content for entry in TREE}
    for place, path in enumerate(second.columns.path):
        if second.columns.type[place] == FILE:
            assert second.read(place) == contents[path]


@pytest.mark.parametrize("form", ["estargz", "zstd:chunked"])
def test_one_that_was_damaged_is_asked_for_again(registry: SampleRegistry, store: Layout, form: str) -> None:
    layer = put(registry, FORMS[form])
    first = kept(registry, layer, store)
    path = store.blobs.path(toc_digests(layer.annotations)[0])
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    before = len(requests_of(registry))
    assert rows(kept(registry, layer, store).columns) == rows(first.columns)
    assert len(requests_of(registry)) > before
    before = len(requests_of(registry))
    kept(registry, layer, store)
    assert len(requests_of(registry)) == before, "and it is kept anew"


def test_the_limits_of_today_count(registry: SampleRegistry, store: Layout) -> None:
    for form in ("estargz", "zstd:chunked"):
        layer = put(registry, FORMS[form])
        kept(registry, layer, store)
        for limits in (Settings(max_toc_bytes=1000), Settings(max_tar_entries=3)):
            with pytest.raises(InvalidError, match=r"max_toc_bytes = 1,000|max_tar_entries = 3"):
                find_toc(open_repository(registry), layer, limits, store=store)


@pytest.mark.parametrize("position", ["{}:9:9:1", "7:3:9:1"])
def test_a_place_outside_of_the_layer_is_refused(registry: SampleRegistry, store: Layout, position: str) -> None:
    layer = put(registry, FORMS["zstd:chunked"])
    kept(registry, layer, store)
    notes = layer.annotations | {f"{ZSTD}manifest-position": position.format(layer.size)}
    with pytest.raises(IntegrityError, match="outside of it"):
        find_toc(open_repository(registry), replace(layer, annotations=notes), settings, store=store)


@pytest.mark.parametrize("make", [make_estargz, make_zstd_chunked])
def test_what_nobody_can_use_is_not_kept(
    registry: SampleRegistry, store: Layout, make: Callable[..., Seekable]
) -> None:
    lost = put(registry, make([file("caf\ufffd")]))
    wrong = put(registry, make([file("a", "x")], edit=lambda toc: toc | {"version": 2}))
    assert find_toc(open_repository(registry), lost, settings, store=store) is None
    with pytest.raises(InvalidError, match="version"):
        find_toc(open_repository(registry), wrong, settings, store=store)
    assert all_blobs(store) == set()


def test_a_store_that_is_only_lent_keeps_nothing(
    registry: SampleRegistry, store: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.blobs, "write", refuse(errno.EROFS))
    layer = put(registry, FORMS["estargz"])
    assert rows(kept(registry, layer, store).columns) == rows(scanned(FORMS["estargz"].raw))
    monkeypatch.setattr(store.blobs, "write", refuse(errno.ENOSPC))
    with pytest.raises(TransportError, match="No space left"):
        find_toc(open_repository(registry), layer, settings, store=store)


def test_those_who_ask_at_a_time_ask_once(registry: SampleRegistry, store: Layout) -> None:
    layer = put(registry, FORMS["zstd:chunked"])
    registry.fault("*/blobs/*", delay=0.2, times=None)
    tocs = run_all(lambda _: kept(registry, layer, store), range(4), workers=4)
    assert len(requests_of(registry)) == 1
    assert len({tuple(toc.columns.path) for toc in tocs}) == 1


def kept(registry: SampleRegistry, layer: Descriptor, store: Layout) -> Toc:
    toc = find_toc(open_repository(registry), layer, settings, store=store)
    assert toc is not None
    return toc


def refuse(code: int) -> Callable[..., object]:
    def write(*_: object) -> None:
        with disk_errors(Path("store")):
            raise OSError(code, os.strerror(code))

    return write


DIGEST = Digest.of(b"table")
OTHER = Digest.of(b"other")
ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
NEW, OLD = "io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."
TOC = "containerd.io/snapshot/stargz/toc.digest"


def promised(media_type: str = ZSTD_LAYER, **notes: str) -> Promise | None:
    return promise_in(Descriptor(media_type, OTHER, 5000, annotations=notes))


@given(st.binary(max_size=FOOTER_BYTES) | st.binary(max_size=40).map(lambda raw: raw + b"GNUlInUx"))
def test_other_bytes_are_no_footer(tail: bytes) -> None:
    assert place_in_footer(tail, 5000) is None


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:xyz", "md5:" + "a" * 32, "sha256:" + "A" * 64])
def test_what_is_no_digest_promises_nothing(text: str) -> None:
    assert promised(**{TOC: text, f"{NEW}manifest-checksum": text}) is None


def test_another_part_is_an_error(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    registry.fault("*/blobs/*", wrong_range=True)
    with pytest.raises(RangeError):
        read_part(open_repository(registry), describe(BLOB), 1000, 50, settings)


def test_a_part_that_does_not_exist_is_an_error(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    with pytest.raises(RangeError):
        read_part(open_repository(registry), describe(BLOB), len(BLOB), 50, settings)
    with pytest.raises(IntegrityError, match="40 bytes early"):
        read_part(open_repository(registry), describe(BLOB), len(BLOB) - 10, 50, settings)


def test_a_line_that_stays_broken_is_given_up(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb.network.retry.FIRST_PAUSE_SECONDS", 0.0)
    registry.put_blob(BLOB)
    fault = registry.fault("*/blobs/*", cut=10, times=None)
    with pytest.raises(TransportError):
        read_part(open_repository(registry), describe(BLOB), 1000, 50, settings)
    assert fault.hits == 1 + settings.retries
