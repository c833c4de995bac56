"""What an image needs is all that its documents name, in whatever field; and what cannot be read is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import DOCKER_SCHEMA1, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from ocinb.storage.blobs import Blobs
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import (
    CONFIG,
    LAYER,
    MANIFEST,
    OTHER,
    TOC,
    Documents,
    Limits,
    Named,
    Piece,
    Problem,
    Unread,
    parse_named,
    parse_piece,
    parse_top,
    trace_need,
)
from tests.storage.stores import LIMITS, named, put, put_document, put_image, put_index

A, B, C = (str(Digest.of(letter)) for letter in (b"a", b"b", b"c"))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


def said(digest: str, media_type: str = OCI_LAYER, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": 1, **more}


ATTESTED = {"vnd.docker.reference.type": "attestation-manifest"}
DOCUMENTS: dict[str, tuple[dict[str, Any], list[tuple[str, str, bool]]]] = {
    "an image": ({"config": said(A), "layers": [said(B), said(B)]}, [(A, CONFIG, False), (B, LAYER, False)]),
    "an artifact of old": ({"blobs": [said(A)]}, [(A, LAYER, False)]),
    "schema 1": ({"fsLayers": [{"blobSum": A}]}, [(A, LAYER, False)]),
    "an index": (
        {"manifests": [said(A, OCI_MANIFEST), said(B, OCI_INDEX), said(C, OCI_MANIFEST, annotations=ATTESTED)]},
        [(A, MANIFEST, False), (B, MANIFEST, False), (C, MANIFEST, True)],
    ),
    "what is embedded": (
        {"config": {"mediaType": OCI_CONFIG, "digest": str(Digest.of(b"{}")), "size": 2, "data": "e30="}},
        [(str(Digest.of(b"{}")), CONFIG, True)],
    ),
    "all at once": ({"manifests": [said(A)], "layers": [said(B)]}, [(A, MANIFEST, True), (B, LAYER, False)]),
    "a bad size": ({"layers": [{"digest": A, "size": -1}]}, [(A, LAYER, False)]),
    "a layer with a table of contents": (
        {"layers": [said(A, annotations={"containerd.io/snapshot/stargz/toc.digest": B})]},
        [(A, LAYER, False), (B, TOC, True)],
    ),
    "a layer with a compressed one": (
        {"layers": [said(A, annotations={"io.containers.zstd-chunked.manifest-checksum": B, "other": C})]},
        [(A, LAYER, False), (B, TOC, True)],
    ),
    "promises that nobody can keep": (
        {"layers": [said(A, annotations={"containerd.io/snapshot/stargz/toc.digest": 5}), said(B, annotations=[C])]},
        [(A, LAYER, False), (B, LAYER, False)],
    ),
    "an object for a list": ({"layers": said(A)}, [(A, LAYER, False)]),
    "nothing": ({"layers": None, "config": 5, "blobs": ["x", {"digest": 3}, {"digest": "md5:00"}]}, []),
}


@pytest.mark.parametrize(("document", "pieces"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_whatever_a_document_names_is_a_part(document: dict[str, Any], pieces: list[tuple[str, str, bool]]) -> None:
    found = parse_named(json.dumps(document).encode()).pieces
    assert sorted({(str(one.digest), one.role, one.optional) for one in found}) == sorted(pieces)


def test_a_subject_is_told_and_is_no_part() -> None:
    assert parse_named(json.dumps({"subject": said(A, OCI_MANIFEST)}).encode()) == Named((), Digest(A))
    assert parse_named(b'{"subject": {"digest": 3}}') == parse_named(b'{"subject": 3}') == Named()


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", b'{"manifests": [{"digest": "md5:00"}]}', b'{"manifests": [5]}'])
def test_a_document_that_may_name_anything_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidError):
        parse_named(raw)


def test_of_a_part_that_is_described_badly_the_digest_is_enough() -> None:
    assert parse_piece({"digest": A, "mediaType": 5}, LAYER) == Piece(Digest(A), None, "", LAYER)
    assert parse_piece({"digest": A, "mediaType": "x"}, LAYER) == Piece(Digest(A), None, "x", LAYER)
    assert parse_top(said(A, OCI_MANIFEST, annotations=ATTESTED)).optional is False


def test_all_of_an_image_is_found_through_nested_indexes(layout: Layout) -> None:
    one, two = put_image(layout, b"one", b"shared"), put_image(layout, b"two", b"shared")
    inner = put_index(layout, one)
    outer = put_index(layout, inner, two, inner)
    need = trace_need(parse_top(named(outer)), Documents(layout.blobs, LIMITS))
    assert need.digests == {
        one.digest,
        two.digest,
        inner.digest,
        outer.digest,
        *map(Digest.of, (b"one", b"two", b"shared", b"{}")),
    }
    assert need.pieces[0].digest == outer.digest
    assert need.unknown == need.unread == {}


def test_what_came_along_is_all_here_and_of_an_index_only_its_images(layout: Layout) -> None:
    listed = {"manifests": [said(A, OCI_MANIFEST, annotations=ATTESTED)]}
    top = parse_top(named(put_document(layout, listed, OCI_INDEX)))
    for is_all_here in (False, True):
        pieces = trace_need(top, Documents(layout.blobs, LIMITS), is_all_here=is_all_here).pieces
        assert [piece.optional for piece in pieces] == [False, not is_all_here]


def test_fields_that_nobody_knows_may_name_what_their_writer_needs() -> None:
    inner = [[{"digest": A, "size": 1}, {"digest": "md5:00"}], 5, {"deeper": {"digest": B}}]
    [first, second] = parse_named(json.dumps({"parts": inner, "annotations": {"digest": C}}).encode()).pieces
    assert (first.digest, second.digest) == (A, B)
    assert {(piece.role, piece.optional) for piece in (first, second)} == {(OTHER, True)}
    assert parse_named(json.dumps({"subject": said(A, OCI_MANIFEST, other=said(B))}).encode()).pieces == ()


class Endless(Documents):
    """An index that names itself, as only a broken hash could make one."""

    def read(self, digest: Digest) -> bytes | Unread:
        return json.dumps({"manifests": [said(digest, OCI_INDEX)]}).encode()


def test_an_index_that_names_itself_ends() -> None:
    need = trace_need(parse_top(said(A, OCI_INDEX)), Endless(Blobs(Path("nowhere")), LIMITS))
    assert need.digests == {A}


def spoil_by(raw: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(raw)


UNREAD: dict[str, tuple[Callable[[Path], object], Problem, bool]] = {
    "missing": (Path.unlink, Problem.MISSING, False),
    "damaged": (spoil_by(b"{}"), Problem.DAMAGED, True),
    "too large": (spoil_by(b" " * 3000), Problem.UNREADABLE, True),
}


@pytest.mark.parametrize(("spoil", "problem", "is_unknown"), UNREAD.values(), ids=UNREAD)
def test_a_document_that_cannot_be_read_is_told_and_stays_as_it_is(
    layout: Layout, spoil: Callable[[Path], object], problem: Problem, *, is_unknown: bool
) -> None:
    image = put_image(layout, b"layer")
    index = put_index(layout, image)
    spoil(layout.blobs.path(image.digest))
    before = layout.blobs.path(image.digest).exists()
    for top, unknown in ((index, is_unknown), (image, True)):
        need = trace_need(parse_top(named(top)), Documents(layout.blobs, Limits(2000, 2000)))
        assert need.unread[image.digest].problem is problem
        assert (image.digest in need.unknown) is unknown, "what has a name of its own was here once"
    assert layout.blobs.path(image.digest).exists() is before


def test_what_says_that_it_is_no_document_may_be_anything(layout: Layout) -> None:
    documents = Documents(layout.blobs, Limits(10, 10))
    for raw in (b"a layer", b"a layer of more than ten bytes"):
        top = parse_top(named(put(layout, raw, media_type=OCI_LAYER)))
        assert trace_need(top, documents).unknown == {}
        assert trace_need(parse_top({"digest": str(top.digest)}), documents).unknown.keys() == {top.digest}


def test_a_document_is_read_once(layout: Layout) -> None:
    image = put_image(layout, b"layer")
    documents = Documents(layout.blobs, LIMITS)
    top = parse_top(named(image))
    first = documents.named(top)
    layout.blobs.path(image.digest).unlink()
    assert documents.named(top) is first
    assert isinstance(documents.read(image.digest), Unread)


def test_schema_1_is_a_document_too(layout: Layout) -> None:
    raw = json.dumps({"schemaVersion": 1, "fsLayers": [{"blobSum": A}]}).encode()
    need = trace_need(parse_top(named(put(layout, raw, media_type=DOCKER_SCHEMA1))), Documents(layout.blobs, LIMITS))
    assert A in need.digests
