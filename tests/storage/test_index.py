"""The index of a layout is read whoever wrote it, and what is odd in it says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.spec.digest import Digest
from ocinb.storage.index_file import Entry

REF_NAME = "org.opencontainers.image.ref.name"
DIGEST = Digest.of(b"image")
SUBJECT = Digest.of(b"subject")
TAG = f"sha256-{SUBJECT.hex}"


def entry(digest: str = DIGEST, name: str | None = None, **more: Any) -> Entry:
    notes = {REF_NAME: name} if name else {}
    return Entry({"digest": digest, "annotations": {**notes, **more.pop("notes", {})}, **more})


ODD: list[dict[str, Any]] = [
    {},
    {"digest": 5, "mediaType": [], "size": "5", "platform": "linux", "annotations": []},
    {"digest": "sha256:x", "mediaType": "", "size": -1, "platform": None, "annotations": {REF_NAME: 5}},
    {"digest": None, "size": True, "annotations": {"dev.ocinb.subject": "x", "dev.ocinb.index": ["y"]}},
    {"annotations": {"dev.ocinb.reference": {}, "dev.ocinb.part-of": "@", REF_NAME: ""}},
]


@pytest.mark.parametrize("raw", ODD)
def test_what_has_another_form_says_nothing(raw: dict[str, Any]) -> None:
    read = Entry(raw)
    assert (read.digest, read.media_type, read.size) == (None, None, None)
    assert (read.platform, read.name, read.ref_name, read.part_of, read.subject, read.out_of) == (None,) * 6
