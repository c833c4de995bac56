"""Needs: what the images of a layout consist of, as their documents say it, so that nothing of it ever goes.

A document is read leniently here: what it names in any field is needed. One that cannot be read says nothing of what it
needs, and that is told, for then nobody may act as if it needed nothing.

Source: OCI image-spec image-layout.md, image-index.md, manifest.md; distribution's manifest-v2-1.md (``fsLayers``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from ocinb.errors import IntegrityError, InvalidError, OcinbError
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest, verify
from ocinb.spec.documents import parse_descriptor
from ocinb.spec.strict_json import Fields, parse_object
from ocinb.spec.toc_annotations import toc_digests
from ocinb.storage.blobs import Blobs
from ocinb.storage.index_file import Entry
from ocinb.storage.safe_files import open_plain, read_all

MANIFEST: Final = "manifest"
CONFIG: Final = "config"
LAYER: Final = "layer"
INDEX: Final = "index"  # by itself: what it names need not be there
TOC: Final = "toc"  # of a layer: it need not be there, and spares a question to the registry if it is
OTHER: Final = "other"  # in a field that is not known here: it need not be there, but whoever wrote it may need it
_ROLES = {"manifests": MANIFEST, "config": CONFIG, "layers": LAYER, "blobs": LAYER, "fsLayers": LAYER}
_KNOWN = frozenset({*_ROLES, "subject", "annotations"})
# What a pull of an index takes along of it; attestations and whatever else stands in it need not be there.
_PULLED = frozenset({"image", "index"})


class Problem(StrEnum):
    """What may be wrong with something in a layout."""

    DAMAGED = "damaged"
    MISSING = "missing"
    SIZE = "wrong size"
    UNREADABLE = "unreadable"
    INVALID = "invalid"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Piece:
    """What a document says of another thing that belongs to it.

    Attributes
    ----------
    digest
        What it is.
    size
        Its length in bytes, or None where nobody says it.
    media_type
        Its type; empty where nobody says it.
    role
        ``MANIFEST`` (or index), ``CONFIG``, ``LAYER``, or ``INDEX``, ``TOC`` and ``OTHER``, which are followed no
        further.
    optional
        Whether it may be missing.
    """

    digest: Digest
    size: int | None
    media_type: str
    role: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes that a document (``max_manifest_bytes``) and ``index.json`` (``max_list_bytes``) may have."""

    document: int
    index: int


@dataclass(frozen=True, slots=True)
class Unread:
    """Why nobody knows what a document names."""

    problem: Problem
    reason: str


@dataclass(frozen=True, slots=True)
class Named:
    """What a document names: its pieces, and the manifest that it speaks about."""

    pieces: tuple[Piece, ...] = ()
    subject: Digest | None = None


@dataclass(frozen=True)
class Need:
    """All that one image needs, itself first; and which of its documents could not be read."""

    pieces: tuple[Piece, ...]
    unread: Mapping[Digest, Unread]
    subject: Digest | None = None

    @cached_property
    def digests(self) -> frozenset[Digest]:
        """All of it by digest."""
        return frozenset(piece.digest for piece in self.pieces)

    @property
    def unknown(self) -> dict[Digest, Unread]:
        """The documents that may name more than is known.

        An index may name images that were never here. But what is missing under a name of its own was here.
        """
        top = self.pieces[0].digest
        return {
            digest: unread
            for digest, unread in self.unread.items()
            if unread.problem is not Problem.MISSING or digest == top
        }


class Documents:
    """The documents among some blobs. Each is read once, and stays as it is, also if it is damaged."""

    def __init__(self, blobs: Blobs, limits: Limits) -> None:
        self._blobs = blobs
        self._limit = limits.document
        self._known: dict[tuple[Digest, bool], Named | Unread] = {}

    def read(self, digest: Digest) -> bytes | Unread:
        """Read one whole, and verify it."""
        try:
            with open_plain(self._blobs.path(digest)) as file:
                size = os.fstat(file.fileno()).st_size
                if size > self._limit:
                    limit = f"max_manifest_bytes = {self._limit:,}"
                    return Unread(Problem.UNREADABLE, f"it has {size:,} bytes, more than {limit}")
                return verify(read_all(file, self._limit), digest)
        except FileNotFoundError:
            return Unread(Problem.MISSING, "it is not there")
        except OSError as error:
            return Unread(Problem.UNREADABLE, error.strerror or type(error).__name__)
        except IntegrityError:
            return Unread(Problem.DAMAGED, "its bytes do not match its digest")

    def named(self, piece: Piece) -> Named | Unread:
        """Say what one names."""
        # What says that it is something else than a manifest may be so large, or be no JSON.
        is_manifest = piece.media_type in mediatypes.ALL_MANIFESTS or not piece.media_type
        key = piece.digest, is_manifest
        if key not in self._known:
            self._known[key] = self._read_named(piece.digest, is_manifest=is_manifest)
        return self._known[key]

    def _read_named(self, digest: Digest, *, is_manifest: bool) -> Named | Unread:
        raw = self.read(digest)
        if isinstance(raw, Unread):
            return raw if is_manifest or raw.problem is not Problem.UNREADABLE else Named()
        try:
            return parse_named(raw)
        except InvalidError as error:
            return Unread(Problem.INVALID, error.message) if is_manifest else Named()


def need_of(entry: Entry, documents: Documents) -> Need | None:
    """Follow what an image of an index needs; None if its digest is none that is known here.

    What came along with an image was read to the end then, attestations too: none of that may be missing.
    """
    try:
        need = trace_need(parse_top(entry.raw), documents, is_all_here=entry.subject is not None)
    except InvalidError:  # a digest of an algorithm that is not known here, or none
        return None
    if entry.out_of is None or entry.out_of in need.digests:
        return need
    return replace(need, pieces=(*need.pieces, Piece(entry.out_of, None, "", INDEX)))


def trace_need(top: Piece, documents: Documents, *, is_all_here: bool = False) -> Need:
    """Follow what an image names to the end; what names itself, or lies deep, ends too."""
    found, todo = {top: None}, [top]
    unread: dict[Digest, Unread] = {}
    subject = None
    while todo:
        piece = todo.pop()
        if piece.role != MANIFEST:
            continue
        named = documents.named(piece)
        if isinstance(named, Unread):
            unread[piece.digest] = named
            continue
        subject = named.subject if piece == top else subject
        pieces = map(_was_here, named.pieces) if is_all_here else named.pieces
        fresh = [one for one in dict.fromkeys(pieces) if one not in found]
        found.update(dict.fromkeys(fresh))
        todo += fresh
    return Need(tuple(found), unread, subject)


def parse_named(raw: bytes) -> Named:
    """Read what a document names.

    Raises
    ------
    InvalidError
        If it is no JSON object, or names a manifest by something else than a digest.
    """
    document = parse_object(raw, "the document")
    subject = None
    if isinstance(document.get("subject"), dict):
        subject = _digest_of(document["subject"])
    return Named(tuple(_pieces(document)), subject)


def parse_piece(said: Any, role: str) -> Piece:
    """Read what a document says of a piece; of one that is described badly the digest is enough.

    Raises
    ------
    InvalidError
        If it has no digest that can be verified.
    """
    digest = Digest(_digest_text(said))
    try:
        descriptor = parse_descriptor(Fields(said, "a descriptor"))
    except OcinbError:
        media_type = said.get("mediaType")
        return Piece(digest, None, media_type if isinstance(media_type, str) else "", role)
    optional = descriptor.data is not None or (role == MANIFEST and descriptor.kind not in _PULLED)
    return Piece(digest, descriptor.size, descriptor.media_type, role, optional)


def parse_top(entry: Any) -> Piece:
    """Read what the index of a layout says of an image.

    Raises
    ------
    InvalidError
        If it has no digest that can be verified.
    """
    return replace(parse_piece(entry, MANIFEST), optional=False)


def _was_here(piece: Piece) -> Piece:
    return replace(piece, optional=False) if piece.role == MANIFEST else piece


def _pieces(document: dict[str, Any]) -> Iterator[Piece]:
    for key, role in _ROLES.items():
        value = document.get(key)
        for said in value if isinstance(value, list) else [] if value is None else [value]:
            # What has no digest that can be verified has no place here; but a manifest may name what has.
            if role == MANIFEST or _digest_of(said) is not None:
                yield parse_piece(said, role)
            if role == LAYER:
                yield from (Piece(digest, None, "", TOC, optional=True) for digest in _tocs_of(said))
    for key in [key for key in document if key not in _KNOWN]:  # a manifest of another kind may have fields of its own
        yield from (Piece(digest, None, "", OTHER, optional=True) for digest in _digests_in(document[key]))


def _tocs_of(said: Any) -> list[Digest]:
    notes = said.get("annotations") if isinstance(said, dict) else None
    return toc_digests(notes) if isinstance(notes, dict) else []


def _digests_in(said: Any) -> Iterator[Digest]:
    """Give the digests of all objects in a value; parsing has seen to it that it is not deep."""
    digest = _digest_of(said)
    if digest is not None:
        yield digest
    inner = said.values() if isinstance(said, dict) else said if isinstance(said, list) else ()
    for one in inner:
        if isinstance(one, dict | list):
            yield from _digests_in(one)


def _digest_of(said: Any) -> Digest | None:
    try:
        return Digest(_digest_text(said))
    except InvalidError:
        return None


def _digest_text(said: Any) -> Any:
    return (said.get("digest") or said.get("blobSum")) if isinstance(said, dict) else None
