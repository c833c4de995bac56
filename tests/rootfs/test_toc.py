"""A table of contents gives the rows that the whole layer would give, for two requests, or none is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import Settings, settings
from ocinb.archive.entries import DIRECTORY, OPAQUE, WHITEOUT
from ocinb.errors import IntegrityError, InvalidError, OcinbError
from ocinb.rootfs.toc import Toc, find_toc
from ocinb.rootfs.toc_entries import Chunk, Chunks
from ocinb.samples import SampleRegistry
from ocinb.samples.seekable_layers import Seekable, make_estargz, make_zstd_chunked, toc_image
from ocinb.samples.tars import file, noise
from ocinb.sources.session import default_session, open_source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import Reference
from tests.rootfs.seekables import BIG, FORMS, TREE, descriptor_of, place_of, put, requests_of, rows, scanned, sha256
from tests.transferring import open_repository

JSON = dict[str, Any]
TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
ZSTD = "io.github.containers.zstd-chunked."
LARGE = [file(f"srv/{number}", noise(str(number), 40_000)) for number in range(30)]


def found(registry: SampleRegistry, layer: Descriptor, limits: Settings = settings, tag: str | None = None) -> Toc:
    toc = find_toc(open_repository(registry), layer, limits, tag=tag)
    assert toc is not None
    return toc


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_those_of_the_whole_layer(registry: SampleRegistry, form: str) -> None:
    layer = FORMS[form]
    toc = found(registry, put(registry, layer))
    assert rows(toc.columns) == rows(scanned(layer.raw))
    assert [(toc.columns.type[place], toc.columns.path[place]) for place in (0, 5, 6)] == [
        (DIRECTORY, "usr"),
        (WHITEOUT, "usr/gone"),
        (OPAQUE, "srv"),
    ]
    assert set(toc.columns.offset) == {None}


@pytest.mark.parametrize("form", FORMS)
def test_a_registry_without_ranges_gives_none_and_is_not_read(registry: SampleRegistry, form: str) -> None:
    fault = registry.fault("*/blobs/*", ignore_range=True, times=None)
    assert find_toc(open_repository(registry), put(registry, FORMS[form]), settings) is None
    assert fault.hits == 1


def test_another_part_than_the_one_that_was_asked_for_gives_none(registry: SampleRegistry) -> None:
    registry.fault("*/blobs/*", wrong_range=True, times=None)
    assert find_toc(open_repository(registry), put(registry, FORMS["zstd:chunked"]), settings) is None


def test_a_table_in_zstd_may_be_promised_as_estargz_does(registry: SampleRegistry) -> None:
    layer = make_zstd_chunked(TREE)
    plain = json.dumps({"version": 1, "entries": list(layer.rows)}, ensure_ascii=False, separators=(",", ":"))
    described = replace(put(registry, layer), annotations={TOC_DIGEST: str(Digest.of(plain.encode()))})
    assert rows(found(registry, described).columns) == rows(scanned(layer.raw))


@pytest.mark.parametrize("form", ["estargz", "zstd:chunked", "zstd:chunked by its footer"])
def test_a_table_that_is_too_large_is_refused_by_name(registry: SampleRegistry, form: str) -> None:
    with pytest.raises(InvalidError, match="max_toc_bytes = 1,000"):
        find_toc(open_repository(registry), put(registry, FORMS[form]), Settings(max_toc_bytes=1000))


def test_a_table_that_becomes_too_large_is_not_unpacked_to_its_end(registry: SampleRegistry) -> None:
    many = make_estargz([file("x", "x")], edit=lambda toc: toc | {"more": "x" * 3_000_000})
    with pytest.raises(InvalidError, match="max_toc_bytes = 10,000"):
        find_toc(open_repository(registry), put(registry, many), Settings(max_toc_bytes=10_000))


def test_a_table_of_too_many_entries_is_refused_by_name(registry: SampleRegistry) -> None:
    with pytest.raises(InvalidError, match="max_tar_entries = 3"):
        find_toc(open_repository(registry), put(registry, FORMS["estargz"]), Settings(max_tar_entries=3))


def test_a_wrong_length_of_the_table_is_refused(registry: SampleRegistry) -> None:
    layer = put(registry, FORMS["zstd:chunked"])
    key = f"{ZSTD}manifest-position"
    offset, length, unpacked, kind = layer.annotations[key].split(":")
    lies = {key: f"{offset}:{length}:{int(unpacked) + 1}:{kind}"}
    with pytest.raises(IntegrityError, match="unpacked, and not"):
        find_toc(open_repository(registry), replace(layer, annotations=layer.annotations | lies), settings)


def _with(path: str, **fields: Any) -> Callable[[JSON], JSON]:
    """Make a table that says something else of a file."""

    def edit(toc: JSON) -> JSON:
        changed = [row | fields if row["name"] == path and row["type"] == "reg" else row for row in toc["entries"]]
        return toc | {"entries": changed}

    return edit


@pytest.mark.parametrize("make", [make_estargz, make_zstd_chunked])
def test_content_that_is_not_what_the_table_says_is_refused(
    registry: SampleRegistry, make: Callable[..., Seekable]
) -> None:
    other = str(Digest.of(b"other"))
    for fields in ({"digest": other}, {"chunkDigest": other}, {"offset": 1}, {"innerOffset": 10**9}):
        toc = found(registry, put(registry, make([file("a", BIG[:9000])], edit=_with("a", **fields))))
        with pytest.raises(IntegrityError):
            toc.read(place_of(toc, "a"))


def test_chunks_that_do_not_stand_together_are_refused(registry: SampleRegistry) -> None:
    def scattered(toc: JSON) -> JSON:
        first, *rest = toc["entries"]
        rest[0]["offset"], rest[1]["offset"] = rest[1]["offset"], rest[0]["offset"]
        return toc | {"entries": [first, *rest]}

    toc = found(registry, put(registry, make_estargz([file("a", BIG)], chunk_bytes=99_999, edit=scattered)))
    with pytest.raises(IntegrityError, match="do not stand together"):
        toc.read(place_of(toc, "a"))


def test_chunks_that_go_back_in_what_they_stand_in_are_refused(registry: SampleRegistry) -> None:
    def turned(toc: JSON) -> JSON:
        first, *rest = toc["entries"]
        rest[0]["innerOffset"], rest[1]["innerOffset"] = rest[1]["innerOffset"], rest[0]["innerOffset"]
        return toc | {"entries": [first, *({**row, "chunkDigest": "", "digest": ""} for row in rest)]}

    layer = make_estargz([file("a", bytes(200))], chunk_bytes=100, member_bytes=10**6, edit=turned)
    toc = found(registry, put(registry, layer))
    with pytest.raises(IntegrityError, match="is not what its table"):
        toc.read(place_of(toc, "a"))


def test_damage_on_the_way_is_seen(registry: SampleRegistry) -> None:
    for form in ("estargz", "zstd:chunked"):
        toc = found(registry, put(registry, FORMS[form]))
        registry.fault("*/blobs/*", corrupt=100)
        with pytest.raises(IntegrityError):
            toc.read(place_of(toc, "usr/big"))


def test_what_is_no_regular_file_is_not_read(registry: SampleRegistry) -> None:
    toc = found(registry, put(registry, FORMS["estargz"]))
    for path in ("usr", "usr/link", "usr/hard", "usr/gone"):
        with pytest.raises(InvalidError, match="no regular file"):
            toc.read(place_of(toc, path))


def test_a_file_that_claims_too_much_is_not_asked_for(registry: SampleRegistry) -> None:
    claims = make_zstd_chunked([file("a", "x")], edit=_with("a", size=10**10))
    described = put(registry, claims)
    with pytest.raises(InvalidError, match="max_unpacked_ratio = 200"):
        found(registry, described, Settings(max_file_bytes=10**12)).read(0)
    with pytest.raises(InvalidError, match="max_file_bytes"):
        found(registry, described).read(0)
    assert len(requests_of(registry)) == 2


def test_chunks_without_the_digest_of_the_whole(registry: SampleRegistry) -> None:
    def without(toc: JSON) -> JSON:
        return toc | {"entries": [{key: row[key] for key in row if key != "digest"} for row in toc["entries"]]}

    toc = found(registry, put(registry, make_estargz(TREE, chunk_bytes=100_000, edit=without)))
    big, small = place_of(toc, "usr/big"), place_of(toc, "usr/prose")
    assert toc.columns.sha256[big] is None
    assert toc.columns.sha256[small] == sha256(toc.read(small))  # of one chunk, which is the whole
    assert toc.read(big) == BIG


def test_a_file_without_any_digest_is_a_row_and_not_read(registry: SampleRegistry) -> None:
    toc = found(registry, put(registry, make_zstd_chunked([file("a", "x")], edit=_with("a", digest=""))))
    assert toc.columns.sha256 == [None]
    with pytest.raises(IntegrityError, match="no digest of 'a'"):
        toc.read(0)


class TestOutside:
    """The table stands in another image."""

    @pytest.fixture
    def layer(self, registry: SampleRegistry) -> Seekable:
        layers = [make_estargz(TREE, chunk_bytes=100_000, outside=True), make_estargz(LARGE, outside=True)]
        registry.put_image("demo/lazy", layers, tag="1")
        image = toc_image(layers)
        for blob in image.blobs:
            registry.put_blob(blob.raw)
        registry.put_manifest("demo/lazy", image.raw, tag="1-esgztoc")
        return layers[0]

    def test_it_is_found_by_the_tag(self, registry: SampleRegistry, layer: Seekable) -> None:
        source = open_repository(registry, "demo/lazy")
        toc = find_toc(source, descriptor_of(layer), settings, tag="1")
        assert toc is not None
        assert rows(toc.columns) == rows(scanned(layer.raw))
        assert toc.read(place_of(toc, "usr/big")) == BIG
        assert [path for path, _ in requests_of(registry)] == [layer.digest, Digest.of(layer.table), layer.digest]

    def test_without_a_tag_or_that_image_there_is_none(self, registry: SampleRegistry, layer: Seekable) -> None:
        source, other = open_repository(registry, "demo/lazy"), put(registry, make_estargz(TREE[:3], outside=True))
        assert find_toc(source, descriptor_of(layer), settings) is None
        assert find_toc(source, descriptor_of(layer), settings, tag="2") is None
        assert find_toc(source, other, settings, tag="1") is None

    def test_an_index_of_that_name_is_no_such_image(self, registry: SampleRegistry, layer: Seekable) -> None:
        source = open_repository(registry, "demo/lazy")
        index = b'{"schemaVersion": 2, "manifests": []}'
        registry.put_manifest("demo/lazy", index, media_type="application/vnd.oci.image.index.v1+json", tag="3-esgztoc")
        assert find_toc(source, descriptor_of(layer), settings, tag="3") is None


def test_layouts_are_read_by_offset_too(registry: SampleRegistry, tmp_path: Path) -> None:
    layers = [FORMS["estargz"], FORMS["zstd:chunked"]]
    registry.put_image("demo/lazy", layers, tag="1")
    ocinb.pull(registry.reference("demo/lazy:1"), destination=tmp_path / "layout")
    source = open_source(Reference(f"oci:{tmp_path / 'layout'}"), session=default_session())
    for layer in layers:
        toc = find_toc(source, descriptor_of(layer), settings)
        assert toc is not None
        assert toc.read(place_of(toc, "usr/big")) == BIG


def test_damage_anywhere_in_the_table_is_no_other_table(registry: SampleRegistry) -> None:
    for layer in (FORMS["estargz"], FORMS["zstd:chunked"]):
        begin = layer.raw.index(layer.table)
        for at in range(begin, begin + len(layer.table), 97):
            raw = bytearray(layer.raw)
            raw[at] ^= 0x10
            described = replace(descriptor_of(layer), digest=registry.put_blob(bytes(raw)))
            try:
                toc = find_toc(open_repository(registry), described, settings)
            except (IntegrityError, InvalidError):
                continue
            except OcinbError as error:
                pytest.fail(f"{error} at {at}")
            assert toc is not None
            assert rows(toc.columns) == rows(scanned(layer.raw))  # a byte that only the check of the gzip header sees


def test_chunks_of_files_in_any_order_of_their_bytes() -> None:
    chunks = Chunks(100)
    chunks.add(60, 0, 5, b"a" * 32)
    chunks.add(70, 3, 6, None)
    chunks.finish(4)
    chunks.add(10, 0, 7, None)
    chunks.finish(9)
    assert list(chunks.of(4)) == [Chunk(60, 70, 0, 5, b"a" * 32), Chunk(70, 100, 3, 6, None)]
    assert list(chunks.of(9)) == [Chunk(10, 60, 0, 7, None)]
    with pytest.raises(KeyError):
        chunks.of(5)
