"""Kept images: what is told of those that are named in a layout, of what is wrong there, and of what was removed."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from numbers import Real
from pathlib import Path
from typing import Any

from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError, OcinbError
from ocinb.frames.batch import Names, Row, checked, list_names
from ocinb.frames.document_rows import image_kind, platform_text
from ocinb.sources.images import load_image
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, RawDocument, sniff_media_type
from ocinb.spec.reference import PLACE, Reference
from ocinb.storage.garbage_collection import Removed
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import LAYER, Documents, Limits, Unread
from ocinb.storage.safe_files import last_used
from ocinb.storage.usage import Kept, Shares, survey
from ocinb.storage.verification import Finding


def kept_limits() -> Limits:
    """Give the limits of the settings."""
    return Limits(settings.max_manifest_bytes, settings.max_list_bytes)


def wanted_names(names: Names) -> list[str]:
    """Give the names that were passed as texts, each once."""
    return [checked(name) for name in list_names(names)]


def image_rows(layout: Layout) -> Iterator[Row]:
    """Tell of each image that is named in a layout."""
    limits = kept_limits()
    documents = _Quiet(Documents(layout.blobs, limits))
    kept = survey(layout, limits)
    shares, sizes = Shares(kept), _Sizes(layout)
    parts: dict[str, set[int]] = {}
    for place, one in enumerate(kept):
        if one.entry.part_of:
            parts.setdefault(one.entry.part_of, set()).add(place)
    names = Counter(one.entry.name for one in kept)
    for place, one in enumerate(kept):
        name = one.entry.name
        group = {place} | parts.get(name or "", set())
        yield {
            "reference": name,
            "local_reference": _local_reference(layout.root, one, is_unique=names[name] == 1),
            **_described(one, documents),
            "digest": one.entry.digest,
            "compressed_bytes": sizes.total(one.digests),
            "unique_bytes": sizes.total(shares.try_taking(group)),
            "missing_blobs": None if one.need is None else len(sizes.missing(one)),
            "used_at": None if one.entry.digest is None else sizes.used_at(one.entry.digest),
        }


def finding_rows(findings: Sequence[Finding]) -> Iterator[Row]:
    """Tell of what is wrong."""
    for finding in findings:
        yield {
            "problem": finding.problem.value,
            "digest": finding.digest,
            "path": path_text(finding.path),
            "blob_bytes": finding.size,
            "expected_bytes": finding.expected,
            "reference": finding.reference,
            "platform": finding.platform,
            "reason": finding.reason,
        }


def removed_rows(images: Sequence[Kept], removed: Removed) -> Iterator[Row]:
    """Tell of each image that lost its name which blobs went with it; each blob is told once."""
    gone, waiting = dict(removed.gone), dict(removed.waiting)
    for one in images:
        went = _taken(gone, one.digests)
        yield {
            "reference": one.entry.name,
            "digest": one.entry.digest,
            "blobs": len(went),
            "freed_bytes": sum(went.values()),
            "waiting_bytes": sum(_taken(waiting, one.digests).values()),
        }
    if gone or waiting:
        yield {"blobs": len(gone), "freed_bytes": sum(gone.values()), "waiting_bytes": sum(waiting.values())}


def path_text(path: Path) -> str:
    r"""Give a path as a text that can be printed: bytes in it that are no UTF-8 read as \xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _taken(left: dict[Digest, int], digests: Collection[Digest]) -> Mapping[Digest, int]:
    return {digest: left.pop(digest) for digest in left.keys() & digests}


def _local_reference(root: Path, one: Kept, *, is_unique: bool) -> str | None:
    if ":" in str(root):
        return None
    if one.entry.name and is_unique and _leads_back(f"oci:{root}:{one.entry.name}", one.entry.name):
        return f"oci:{root}:{one.entry.name}"
    return f"oci:{root}@{one.entry.digest}" if one.entry.digest else None


def _leads_back(reference: str, name: str) -> bool:
    """Say whether a reference asks for a name: whoever else wrote it may have called an image ``@1``."""
    try:
        return Reference(reference).wanted == name and not PLACE.fullmatch(name)
    except InvalidError:
        return False


def _described(one: Kept, documents: _Quiet) -> Row:
    """Say what an image is; of what cannot be read only what the index says."""
    entry = one.entry
    said = {"kind": "unknown", "platform": platform_text(entry.platform), "media_type": entry.media_type}
    if entry.digest is None:
        return said
    try:
        raw = documents.raw(entry.digest)
        media_type = sniff_media_type(raw, entry.media_type, str(entry.digest))
        said["media_type"] = media_type
        if media_type in mediatypes.INDEXES:
            layers = {piece.digest for piece in one.need.pieces if piece.role == LAYER} if one.need else set()
            kind = "index" if entry.subject is None else "referrers"
            return {**said, "kind": kind, "platform": None, "layers": None if one.need is None else len(layers)}
        image = load_image(documents, RawDocument(raw, entry.digest, media_type), entry.platform)
    except OcinbError:
        return said
    platform = platform_text(image.platform)
    return {**said, "kind": image_kind(image), "platform": platform, "layers": len(image.manifest.layers)}


class _Quiet:
    """The documents of a layout for whoever describes its images, which is no use of them."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def raw(self, digest: Digest) -> bytes:
        raw = self._documents.read(digest)
        if isinstance(raw, Unread):
            raise NotFoundError(f"{digest} cannot be read: {raw.reason}")
        return raw

    def document(self, descriptor: Descriptor) -> RawDocument:
        raw = self.raw(descriptor.digest) if descriptor.data is None else descriptor.data
        return RawDocument(raw, descriptor.digest, descriptor.media_type)


@dataclass(frozen=True, slots=True)
class _Looks:
    size: int
    used: float


class _Sizes:
    """What the blobs of a layout take, each looked at once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[Digest, _Looks | None] = {}

    def total(self, digests: Collection[Digest]) -> int:
        return sum(looks.size for looks in map(self._looks, digests) if looks)

    def missing(self, one: Kept) -> set[Digest]:
        pieces = one.need.pieces if one.need else ()
        return {piece.digest for piece in pieces if not piece.optional and self._looks(piece.digest) is None}

    def used_at(self, digest: Digest) -> datetime | None:
        looks = self._looks(digest)
        return None if looks is None else datetime.fromtimestamp(looks.used, UTC)

    def _looks(self, digest: Digest) -> _Looks | None:
        if digest not in self._known:
            try:
                status = self._layout.blobs.path(digest).lstat()
            except OSError:
                self._known[digest] = None
            else:
                self._known[digest] = _Looks(status.st_size, last_used(status))
        return self._known[digest]


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
# In whatever words, but for an "m", which may be minutes or months.
_UNITS = "s|sec(?:ond)?s?|min(?:ute)?s?|h(?:our)?s?|d(?:ay)?s?|w(?:eek)?s?"
_DURATION = re.compile(rf"\s*(\d+(?:\.\d+)?)\s*({_UNITS})\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?\s*", re.IGNORECASE)


def read_duration(value: Any, what: str) -> float:
    """Read a duration: a number of seconds, a ``timedelta`` (pandas' too), or a text: ``"30d"``, ``"2 weeks"``.

    Examples
    --------
    >>> read_duration("1.5h", "older_than")
    5400.0
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return float(match[1]) * _SECONDS[match[2][0].lower()]
    if _is_number(value) and value >= 0:
        return float(value)
    hint = "30 days are '30d' (also s, min, h, w), a timedelta, or a number of seconds"
    raise InvalidError(f"{what} takes a duration, not {value!r}", hint=hint)


def read_size(value: Any, what: str) -> int:
    """Read a size: a number of bytes, or a text such as ``"10 GB"`` (decimal) or ``"10 GiB"`` (binary).

    Examples
    --------
    >>> read_size("10 GB", "keep_bytes"), read_size("1.5KiB", "keep_bytes")
    (10000000000, 1536)
    """
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return int(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[(match[2] or "").lower()])
    if _is_number(value) and value >= 0:
        return int(value)
    raise InvalidError(f"{what} takes a size, not {value!r}", hint="10 GB are '10GB' or a number of bytes")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
