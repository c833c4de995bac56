"""The inventory: what takes room on this machine, of which kind it is, and when it was last of use."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.reference import is_full_name
from ocinb.storage import partial_downloads, responses
from ocinb.storage.blobs import walk_shelves
from ocinb.storage.index_file import Entry
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import MANIFEST, Documents, Limits, Named, Need, Piece, need_of, trace_need
from ocinb.storage.safe_files import (
    LEFTOVER_SECONDS,
    disk_errors,
    is_real_folder,
    last_used,
    open_plain,
    own_files,
    own_folder,
)

KINDS: Final = ("blobs", "index", "parts", "responses")
# What was read of a layer is named by it, and ends so: the table of all that stands in it, and where its own one is.
READ_ENDINGS: Final = (".parquet", ".toc")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is kept.

    Attributes
    ----------
    kind
        One of ``KINDS``.
    name
        The digest of a blob, the key of an answer, the path of anything else.
    size
        What it takes, in bytes.
    used
        When it came or was last of use, in seconds since 1970.
    """

    kind: str
    name: Digest | responses.Key | Path
    size: int
    used: float


@dataclass(frozen=True, slots=True)
class Amount:
    """How many things of a kind there are, and what they take in bytes."""

    kind: str
    entries: int
    size: int


def list_items(layout: Layout, cache_dir: Path | None) -> list[Item]:
    """List all that is kept in a layout and in a cache, if there is one.

    Raises
    ------
    TransportError
        If a folder cannot be read.
    """
    with disk_errors(layout.root):
        kept = [
            *_blobs(layout.root),
            *_files("index", _read_of_layers(layout.root / "index")),
            *_files("parts", _parts(layout.root)),
            *_files("parts", own_files(layout.root, "new")),
        ]
    if cache_dir is None:
        return kept
    with disk_errors(cache_dir):
        return [
            *kept,
            *_files("responses", responses.set_aside(cache_dir)),
            *(Item("responses", row.key, row.size, row.created) for row in responses.list_rows(cache_dir)),
        ]


def count(items: Iterable[Item]) -> list[Amount]:
    """Sum things up by kind; each kind is there."""
    listed = list(items)
    sizes = {kind: [item.size for item in listed if item.kind == kind] for kind in KINDS}
    return [Amount(kind, len(found), sum(found)) for kind, found in sizes.items()]


def is_at_work(item: Item) -> bool:
    """Say whether something unfinished may still be written."""
    if item.kind != "parts" or not isinstance(item.name, Path):
        return False
    if item.name.suffix == ".part":
        return not partial_downloads.is_abandoned(item.name)
    return time.time() - item.used < LEFTOVER_SECONDS


def _blobs(root: Path) -> Iterator[Item]:
    for found in walk_shelves(root):
        if found.digest is not None and found.may_go:  # what is not ours is not ours to remove
            yield Item("blobs", found.digest, found.status.st_size, last_used(found.status))


def _read_of_layers(folder: Path) -> Iterator[Path]:
    """List what was read of layers, by their digests: whatever else is called ``index`` is a stranger's."""
    for shelf in folder.iterdir() if is_real_folder(folder) else ():
        if is_real_folder(shelf):
            read = (path for path in shelf.iterdir() if path.suffix in READ_ENDINGS)
            yield from (path for path in read if _is_digest(f"{shelf.name}:{path.stem}"))


def _is_digest(text: str) -> bool:
    try:
        return bool(Digest(text))
    except InvalidError:
        return False


def _parts(root: Path) -> Iterable[Path]:
    folder = own_folder(root, "parts")
    return partial_downloads.all_parts(root) if is_real_folder(folder.parent) and is_real_folder(folder) else ()


def _files(kind: str, paths: Iterable[Path]) -> Iterator[Item]:
    for path in paths:
        try:
            status = os.lstat(path)
        except FileNotFoundError:  # another process was quicker
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield Item(kind, path, status.st_size, last_used(status))


@dataclass(frozen=True, slots=True)
class Kept:
    """An image that is named in a layout, and what it needs; None if its digest is none that is known here."""

    entry: Entry
    need: Need | None

    @property
    def digests(self) -> frozenset[Digest]:
        """All that it is known to need."""
        return frozenset() if self.need is None else self.need.digests

    @property
    def subject(self) -> Digest | None:
        """What it speaks about: an image that it goes with."""
        return self.entry.subject or (None if self.need is None else self.need.subject)


def survey(layout: Layout, limits: Limits) -> list[Kept]:
    """Read what all entries of a layout need.

    Raises
    ------
    InvalidError
        If there is an ``index.json`` that is no index, or one that is larger than a limit.
    """
    index, documents = layout.root / "index.json", Documents(layout.blobs, limits)
    size = index.stat().st_size if index.is_file() else 0
    if size > limits.index:
        raise InvalidError(f"{index} has {size:,} bytes, more than max_list_bytes = {limits.index:,}")
    return [Kept(entry, need_of(entry, documents)) for entry in layout.entries()]


def needed_by(kept: Sequence[Kept]) -> frozenset[Digest]:
    """Give all that some images need.

    Raises
    ------
    IntegrityError
        If one of their documents is damaged, or cannot be read: it may need anything.
    """
    for one in kept:
        if one.need is None or one.need.unknown:
            raise _unknown(one)
    return frozenset(digest for one in kept for digest in one.digests)


class Shares:
    """How many images need each blob, while some of the images go.

    Attributes
    ----------
    gone
        The places of those that went.
    """

    def __init__(self, kept: Sequence[Kept]) -> None:
        self.gone: set[int] = set()
        self._digests = [one.digests for one in kept]
        self._needs = Counter(digest for digests in self._digests for digest in digests)
        self._followers: dict[Digest, list[int]] = {}
        for place, one in enumerate(kept):
            if one.subject is not None:
                self._followers.setdefault(one.subject, []).append(place)
        # What came along with something that is not here any more.
        self.orphans = {
            place for place, one in enumerate(kept) if one.entry.subject and not self._needs[one.entry.subject]
        }

    def take(self, places: Iterable[int]) -> set[Digest]:
        """Let some images go, with what speaks about them alone, and say which blobs nothing needs any more."""
        todo, lost = list(places), set()
        while todo:
            place = todo.pop()
            if place in self.gone:
                continue
            self.gone.add(place)
            for digest in self._digests[place]:
                self._needs[digest] -= 1
                if not self._needs[digest]:
                    lost.add(digest)
                    todo += self._followers.get(digest, ())
        return lost

    def try_taking(self, places: Iterable[int]) -> set[Digest]:
        """Say which blobs nothing would need any more if some images went."""
        before = set(self.gone)
        lost = self.take(places)
        for place in self.gone - before:
            self._needs.update(self._digests[place])
        self.gone = before
        return lost


def _unknown(one: Kept) -> IntegrityError | InvalidError:
    entry, said = one.entry, one.entry.raw.get("digest")
    name = entry.pulled_as or said
    if one.need is None:
        hint = "Remove it by the tool that wrote it"
        why = f"the layout names {name!r} by the digest {said!r}, which ocinb cannot follow"
        return InvalidError(f"nothing can be removed, since {why}: any blob may be a part of it", hint=hint)
    digest, unread = next(iter(one.need.unknown.items()))
    why = f"{name!r} stays and its document {digest}, which names its blobs, cannot be used: {unread.reason}"
    return IntegrityError(f"nothing can be removed, since {why}", hint=_way_out(entry))


def _way_out(entry: Entry) -> str:
    if entry.subject is not None:
        return f"Pull again with referrers=True what it came along with, or remove {entry.name} too"
    if entry.pulled_as and is_full_name(entry.pulled_as):
        return f"Pull {entry.pulled_as} again as it was pulled, which mends it, or remove it too"
    return f"Write it again by the tool that wrote it, or remove {entry.pulled_as or entry.digest} too"


_BEGINNINGS = frozenset({b"{", b" ", b"\t", b"\r", b"\n"})  # of an object; RFC 8259, section 2


def speaking_of(needed: Collection[Digest], unnamed: Iterable[Digest], layout: Layout, limits: Limits) -> set[Digest]:
    """Give what speaks of something that is needed, or of what speaks of that, with all that it needs itself."""
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
