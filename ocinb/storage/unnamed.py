"""Unnamed: what stands in a layout that other tools use too, and speaks of an image there, though no name leads to it.

A registry that keeps its content in layouts finds it by the digest of which it speaks. Nobody else can, and so it is
looked for only before it would go.

Sources: OCI image-spec image-layout.md; distribution-spec v1.1, "Listing Referrers".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from ocinb.spec.digest import Digest
from ocinb.storage.layout import Layout
from ocinb.storage.needs import MANIFEST, Documents, Limits, Named, Piece, trace_need
from ocinb.storage.plain import open_plain

_BEGINNINGS = frozenset({b"{", b" ", b"\t", b"\r", b"\n"})  # of an object; RFC 8259, section 2


def speaking_of(needed: Collection[Digest], unnamed: Iterable[Digest], layout: Layout, limits: Limits) -> set[Digest]:
    """Give what speaks of something that is needed, or of what speaks of that, with all that it needs itself.

    Parameters
    ----------
    needed
        What the images that have names need.
    unnamed
        What else there is.
    layout
        Where it is.
    limits
        The largest documents. What is larger, damaged, or no document, speaks of nothing.
    """
    documents = Documents(layout.blobs, limits)
    speakers: dict[Digest, list[Piece]] = {}
    for digest in unnamed:
        piece = Piece(digest, None, "", MANIFEST)
        named = documents.named(piece) if _begins_like_json(layout.blobs.path(digest)) else None
        if isinstance(named, Named) and named.subject is not None:
            speakers.setdefault(named.subject, []).append(piece)
    found: set[Digest] = set()
    todo = [subject for subject in speakers if subject in needed]
    while todo:
        for piece in speakers.pop(todo.pop(), ()):
            fresh = trace_need(piece, documents).digests - found
            found |= fresh
            todo += fresh & speakers.keys()
    return found


def _begins_like_json(path: Path) -> bool:
    """Look before a blob is read whole: most of them are layers."""
    with suppress(OSError), open_plain(path) as file:
        return file.read(1) in _BEGINNINGS
    return False
