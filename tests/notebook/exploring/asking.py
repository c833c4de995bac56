"""What the page does in tests: it asks, and gets JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ocinb.frames.layer_reader import Contents, LayerContents, LoadedFilesystem
from ocinb.notebook.explore.backend import Answers
from ocinb.notebook.explore.model import ExploredImage
from ocinb.samples.tars import Entry
from ocinb.sources.images import Image
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, Manifest, RawDocument
from ocinb.spec.mediatypes import OCI_MANIFEST
from tests.rootfs.layers import layer_of

JSON = dict[str, Any]


def reply(answers: Answers, question: Any) -> JSON:
    """Send a question over the wire and back, as a kernel does."""
    sent: JSON = json.loads(json.dumps(answers.answer(question), allow_nan=False, ensure_ascii=False).encode())
    return sent


def ask(answers: Answers, what: str, **more: Any) -> JSON:
    """Ask, and get an answer."""
    told = reply(answers, {"id": 7, "ask": what, **more})
    assert told.keys() == {"id", "answer"}, told
    assert told["id"] == 7
    answer: JSON = told["answer"]
    return answer


def refused(answers: Answers, what: str, **more: Any) -> tuple[str, str]:
    """Ask, and get the message and the hint of an error."""
    told = reply(answers, {"id": 8, "ask": what, **more})
    assert told.keys() == {"id", "error"}, told
    assert told["id"] == 8
    return told["error"]["message"], told["error"]["hint"] or ""


def every_entry(answers: Answers, layer: int | None, path: str = "", **more: Any) -> list[JSON]:
    """Open all folders, and give all that is in them, each folder before what it has."""
    found = []
    for entry in ask(answers, "children", layer=layer, path=path, limit=1000, sort="name", **more)["entries"]:
        found.append(entry)
        if entry["has_children"]:
            found += every_entry(answers, layer, entry["path"], **more)
    return found


def explored(stack: Sequence[Sequence[Entry]]) -> ExploredImage:
    """Make an image of layers of entries, without a registry."""
    blobs = [Descriptor("", Digest.of(b"%d" % number), number) for number in range(len(stack))]
    layers = [LayerContents(blob, layer_of(*entries)) for blob, entries in zip(blobs, stack, strict=True)]
    document = RawDocument(b"{}", Digest.of(b"{}"), OCI_MANIFEST)
    manifest = Manifest(OCI_MANIFEST, None, tuple(blobs), None, None, {})
    return ExploredImage(
        Contents("made", Image(document, manifest, None, None, None), layers), LoadedFilesystem.over(layers)
    )
