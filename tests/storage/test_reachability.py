"""What an image needs is all that its documents name, in whatever field; and what cannot be read is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import CONFIG, LAYER, MANIFEST, TOC, Piece, Problem, parse_named, parse_piece, parse_top

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


def test_of_a_part_that_is_described_badly_the_digest_is_enough() -> None:
    assert parse_piece({"digest": A, "mediaType": 5}, LAYER) == Piece(Digest(A), None, "", LAYER)
    assert parse_piece({"digest": A, "mediaType": "x"}, LAYER) == Piece(Digest(A), None, "x", LAYER)
    assert parse_top(said(A, OCI_MANIFEST, annotations=ATTESTED)).optional is False


def spoil_by(raw: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(raw)


UNREAD: dict[str, tuple[Callable[[Path], object], Problem, bool]] = {
    "missing": (Path.unlink, Problem.MISSING, False),
    "damaged": (spoil_by(b"{}"), Problem.DAMAGED, True),
    "too large": (spoil_by(b" " * 3000), Problem.UNREADABLE, True),
}
