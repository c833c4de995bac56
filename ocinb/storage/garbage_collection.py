"""Pruning: what has to go so that what is kept is young enough, or small enough, and its removal.

What an image that is named in the layout needs is never removed, nor what somebody is at work on. Names go only if it
was said which ones stay.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ocinb.errors import InvalidError, TransportError
from ocinb.spec.digest import Digest
from ocinb.storage import responses
from ocinb.storage.blobs import find_blob
from ocinb.storage.disk_space import free_bytes
from ocinb.storage.index_file import Entry
from ocinb.storage.layout import Layout
from ocinb.storage.partial_downloads import shorten_abandoned
from ocinb.storage.reachability import Limits
from ocinb.storage.safe_files import (
    LEFTOVER_SECONDS,
    disk_errors,
    is_real_folder,
    last_used,
    new_own_file,
    own_files,
    read_small,
    write_atomically,
)
from ocinb.storage.usage import READ_ENDINGS, Item, Kept, Shares, is_at_work, list_items, needed_by, speaking_of, survey

# A layout of ten million blobs; what is larger is no note of ours.
MAX_NOTE_BYTES = 1 << 30


def note_pending(root: Path, digests: Collection[Digest]) -> Path:
    """Write down what shall go; it is on the disk before this returns.

    Raises
    ------
    TransportError
        If it cannot be written; then nothing may go.
    """
    note = new_own_file(root, "pending")
    with disk_errors(note):
        write_atomically(note, "\n".join(sorted(digests)).encode(), root=root)
    return note


def read_pending(root: Path) -> dict[Path, set[Digest]]:
    """Read the notes that there are; what is none says nothing."""
    with disk_errors(root):
        return {note: _read(note) for note in own_files(root, "pending")}


def settle_pending(notes: Collection[Path]) -> None:
    """Remove notes of which nothing is left to do."""
    for note in notes:
        with disk_errors(note):
            note.unlink(missing_ok=True)


def _read(note: Path) -> set[Digest]:
    found = set()
    with suppress(InvalidError, TransportError):
        for line in (read_small(note, MAX_NOTE_BYTES, "the limit") or b"").decode("ascii", "replace").split("\n"):
            with suppress(InvalidError):
                found.add(Digest(line))
    return found


LONGEST_DIGEST = 136  # in characters, with the end of its line
BLOCKS = 64 * 1024  # what file systems take beside that for a few files

# Chooses among the images of a layout, by their places.
Choice = Callable[[Sequence[Kept]], Collection[int]]
# Says what stays although no image needs it, by what the images need.
Spare = Callable[[frozenset[Digest]], frozenset[Digest]]


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of blobs that were to go: their sizes in bytes, of those that went and those that wait."""

    gone: Mapping[Digest, int]
    waiting: Mapping[Digest, int]


def remove_images(layout: Layout, choose: Choice, limits: Limits) -> tuple[list[Kept], Removed]:
    """Take the names of some images away, and remove what only they needed, unless somebody is pulling.

    Raises
    ------
    IntegrityError
        If a document of an image that stays is damaged, so that nobody can tell what it needs. Nothing went then.
    InvalidError
        If there is an ``index.json`` that is no index.
    TransportError
        If the folder cannot be written.
    """
    if not layout.is_prepared:  # nothing is made where nothing is found
        if not choose(survey(layout, limits)) and not read_pending(layout.root):
            return [], Removed({}, {})
        layout.prepare()
    with layout.unless_in_use() as free:
        dropped = drop_names(layout, choose, limits)
        return dropped, sweep(layout, limits, free=free)


def drop_names(layout: Layout, choose: Choice, limits: Limits) -> list[Kept]:
    """Note what shall go with some images, and take their names away."""
    kept = survey(layout, limits)
    shares = Shares(kept)
    places = set(choose(kept))
    if not places:
        return []
    lost = shares.take(places | shares.orphans)
    needed_by([one for place, one in enumerate(kept) if place not in shares.gone])
    chosen = [kept[place] for place in sorted(shares.gone)]
    _make_room(layout, len(lost))
    note_pending(layout.root, lost)
    wholes = {_whole(one.entry) for one in chosen}
    # By all that an entry says: a name that stands for another image by now stays.
    layout.remove(lambda entry: _whole(entry) in wholes, limit=limits.document)
    return chosen


def sweep(layout: Layout, limits: Limits, *, free: bool | None, spare: Spare | None = None) -> Removed:
    """Remove what is noted, by whomever, and not needed."""
    notes = read_pending(layout.root)
    if not notes:
        return Removed({}, {})
    needed = needed_by(survey(layout, limits))
    needed |= spare(needed) if spare is not None else frozenset()
    lost = {digest: find_blob(layout.blobs.path(digest)) for digest in set().union(*notes.values()) - needed}
    found = {digest: status for digest, status in lost.items() if status is not None}
    waiting = {one: status.st_size for one, status in found.items() if may_be_awaited(last_used(status), free=free)}
    gone = {one: found[one].st_size for one in found.keys() - waiting.keys() if remove_blob(layout, one)}
    settle_pending([note for note, digests in notes.items() if not digests & waiting.keys()])
    return Removed(gone, waiting)


def remove_blob(layout: Layout, digest: Digest) -> bool:
    """Remove a blob, and what was read of it; say whether it was there. What is no file of ours stays."""
    if find_blob(layout.blobs.path(digest)) is None:
        return False
    shelf = layout.root / "index" / digest.algorithm
    if is_real_folder(shelf) and is_real_folder(shelf.parent):
        for ending in READ_ENDINGS:
            with disk_errors(read := shelf / f"{digest.hex}{ending}"):
                read.unlink(missing_ok=True)
    return layout.blobs.remove(digest)


def may_be_awaited(used: float, *, free: bool | None) -> bool:
    """Say whether a blob that is not needed may wait for the name of its image, by when it was last of use."""
    return used > time.time() - LEFTOVER_SECONDS if free is None else not free


def _make_room(layout: Layout, count: int) -> None:
    """See that what frees a full disk can be written itself: by the ends of downloads that filled it, if need be."""
    index = layout.root / "index.json"
    with disk_errors(index):
        needed = count * LONGEST_DIGEST + index.stat().st_size + BLOCKS
        free = free_bytes(layout.root)
        if free is not None and free < needed:
            shorten_abandoned(layout.root, needed)


def _whole(entry: Entry) -> str:
    return json.dumps(entry.raw, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went: things, and images that lost their names."""

    items: list[Item]
    images: list[Kept]


@dataclass(frozen=True, slots=True)
class Aim:
    """What shall be left.

    Attributes
    ----------
    unused_since
        What was last of use before this moment goes, in seconds since 1970.
    keep_bytes
        So much may be left.
    """

    unused_since: float | None
    keep_bytes: int | None

    @property
    def is_none(self) -> bool:
        """Whether it says nothing."""
        return self.unused_since is None and self.keep_bytes is None


def choose(items: Sequence[Item], *, total: int, unused_since: float | None, keep_bytes: int | None) -> list[Item]:
    """Choose what has to go, of what may go: least recently used first."""
    gone = []
    for item in sorted(items, key=lambda item: item.used):
        too_old = unused_since is not None and item.used < unused_since
        too_much = keep_bytes is not None and total > keep_bytes
        if too_old or too_much:
            gone.append(item)
            total -= item.size
    return gone


def choose_images(kept: Sequence[Kept], keep: Collection[int], items: Sequence[Item], aim: Aim) -> set[int]:
    """Choose the images that lose their names: all that are not kept, or those that are too old or too much."""
    groups = _others(kept, keep)
    if aim.is_none:
        return set().union(*groups.values())
    sizes = {item.name: item.size for item in items if isinstance(item.name, Digest)}
    used = {item.name: item.used for item in items if isinstance(item.name, Digest)}
    shares, total = Shares(kept), sum(sizes.get(digest, 0) for digest in set().union(*(one.digests for one in kept)))
    for places in sorted(groups.values(), key=lambda places: _used(kept, places, used)):
        too_old = aim.unused_since is not None and _used(kept, places, used) < aim.unused_since
        if too_old or (aim.keep_bytes is not None and total > aim.keep_bytes):
            total -= sum(sizes.get(digest, 0) for digest in shares.take(places))
    return shares.gone


def _others(kept: Sequence[Kept], keep: Collection[int]) -> Mapping[object, set[int]]:
    """Give the places of what was pulled as one, but for what stays; what nobody can follow never goes unasked."""
    stays = _with_companions(kept, keep)
    groups: dict[object, set[int]] = {}
    for place, one in enumerate(kept):
        if place not in stays and one.need is not None:
            groups.setdefault(one.entry.pulled_as or place, set()).add(place)
    return groups


def _with_companions(kept: Sequence[Kept], keep: Collection[int]) -> set[int]:
    """Add what speaks about what stays, and what is spoken about by what was asked to stay."""
    subjects = {kept[place].subject for place in keep} - {None}
    stays = set(keep) | {place for place, one in enumerate(kept) if subjects & one.digests}
    followers: dict[Digest | None, list[int]] = {}
    for place, one in enumerate(kept):
        followers.setdefault(one.subject, []).append(place)
    todo = list(stays)
    while todo:
        digests = kept[todo.pop()].digests
        fresh = {place for digest in digests for place in followers.get(digest, ())} - stays
        stays |= fresh
        todo += fresh
    return stays


def _used(kept: Sequence[Kept], places: Collection[int], used: Mapping[Digest, float]) -> float:
    """Say when one of some images was last of use: whoever reads an image reads its manifest."""
    tops = (kept[place].entry.digest for place in places)
    return max((used.get(top, 0.0) for top in tops if top is not None), default=0.0)


def prune(layout: Layout, cache_dir: Path | None, aim: Aim, *, limits: Limits, keep: Choice | None = None) -> Pruned:
    """Remove what is too old or too much, and say what that was.

    Raises
    ------
    IntegrityError
        If a document of an image that stays is damaged, so that it is not known what that needs.
    InvalidError
        If it is not known what is named in the layout.
    TransportError
        If something cannot be removed.
    """
    pruning = _Pruning(layout, cache_dir, aim, limits, keep)
    if not layout.is_prepared and pruning.finds_something():  # nothing is made where nothing is found
        layout.prepare()
    with layout.unless_in_use() as free:
        return pruning.run(free=free)


@dataclass(frozen=True, slots=True)
class _Pruning:
    layout: Layout
    cache_dir: Path | None
    aim: Aim
    limits: Limits
    keep: Choice | None

    def finds_something(self) -> bool:
        """Say whether something in the layout would go."""
        items = self._items()
        if self.keep is not None and self._choose_images(survey(self.layout, self.limits), items):
            return True
        return any(item.kind == "blobs" for item in self._choose_items(items, free=None))

    def run(self, *, free: bool | None) -> Pruned:
        """Remove names, and what they lose, and then what has none; `free` as `Layout.unless_in_use` says it."""
        items, images = self._items(), []
        if self.keep is not None:
            images = drop_names(self.layout, lambda kept: self._choose_images(kept, items), self.limits)
        swept = sweep(self.layout, self.limits, free=free, spare=partial(self._spared, items)).gone
        left = [item for item in items if item.name not in swept]
        chosen = self._choose_items(left, free=free)
        gone = [item for item in items if item.name in swept]
        gone += self._remove(chosen)
        return Pruned([*gone, *_read_of(gone, items)], images)

    def _items(self) -> list[Item]:
        return list_items(self.layout, self.cache_dir)

    def _choose_images(self, kept: Sequence[Kept], items: Sequence[Item]) -> set[int]:
        return set() if self.keep is None else choose_images(kept, self.keep(kept), items, self.aim)

    def _choose_items(self, items: Sequence[Item], *, free: bool | None) -> list[Item]:
        if self.aim.is_none:
            return []
        loose = self._loose(items, free=free)

        def may_go(item: Item) -> bool:
            return item.name in loose if item.kind == "blobs" else not is_at_work(item)

        return choose(
            [item for item in items if may_go(item)],
            total=sum(item.size for item in items) + (responses.overhead(self.cache_dir) if self.cache_dir else 0),
            unused_since=self.aim.unused_since,
            keep_bytes=self.aim.keep_bytes,
        )

    def _loose(self, items: Sequence[Item], *, free: bool | None) -> set[Digest]:
        """Give the blobs that no image needs, and nobody who may be pulling: theirs may wait for the image's name."""
        needed = needed_by(survey(self.layout, self.limits))
        blobs = {item.name: item.used for item in items if isinstance(item.name, Digest)}
        if self.cache_dir is None and free:
            free = None  # no lock tells of other tools that they are away
        unneeded = blobs.keys() - needed - self._spared(items, needed)
        return {digest for digest in unneeded if not may_be_awaited(blobs[digest], free=free)}

    def _spared(self, items: Sequence[Item], needed: frozenset[Digest]) -> frozenset[Digest]:
        """Give what has no name in a folder, and yet speaks of an image there."""
        if self.cache_dir is not None:
            return frozenset()
        unnamed = {item.name for item in items if isinstance(item.name, Digest)} - needed
        return frozenset(speaking_of(needed, unnamed, self.layout, self.limits))

    def _remove(self, chosen: Sequence[Item]) -> list[Item]:
        keys = {item.name for item in chosen if isinstance(item.name, responses.Key)}
        gone = [item for item in chosen if isinstance(item.name, responses.Key) or _removed(self.layout, item.name)]
        if keys and self.cache_dir is not None:  # last: on a full disk there has to be some room before rows can go
            responses.remove_rows(self.cache_dir, keys)
        return gone


def _read_of(gone: Sequence[Item], items: Sequence[Item]) -> list[Item]:
    """Give what was read of layers that went, which goes with them."""
    names = {item.name for item in gone}
    blobs = {(name.algorithm, name.hex) for name in names if isinstance(name, Digest)}
    tables = ((item, item.name) for item in items if item.kind == "index" and item.name not in names)
    return [item for item, path in tables if isinstance(path, Path) and (path.parent.name, path.stem) in blobs]


def _removed(layout: Layout, name: Digest | Path) -> bool:
    if isinstance(name, Digest):
        return remove_blob(layout, name)
    path = layout.root / name
    with disk_errors(path):
        try:
            path.unlink()
        except FileNotFoundError:  # another process was quicker
            return False
    return True
