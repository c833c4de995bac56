"""Removal: images lose their names, and what nothing needs any more goes.

The order is that of a crash at any moment: what shall go is written down, then the names go, then the blobs. Whatever
is left then is whole, and the next removal or pruning completes it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ocinb.spec.digest import Digest
from ocinb.storage.files import LEFTOVER_SECONDS, disk_errors, is_real_folder, last_used
from ocinb.storage.index import Entry
from ocinb.storage.inventory import READ_ENDINGS
from ocinb.storage.layout import Layout
from ocinb.storage.needs import Limits
from ocinb.storage.parts import shorten_abandoned
from ocinb.storage.pending import note_pending, read_pending, settle_pending
from ocinb.storage.room import free_bytes
from ocinb.storage.shelves import find_blob
from ocinb.storage.survey import Kept, Shares, needed_by, survey

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

    Parameters
    ----------
    layout
        Where they are.
    choose
        Says which ones; it may raise.
    limits
        The largest documents.

    Returns
    -------
    tuple
        The images that lost their names, those that went along too, and what became of their blobs.

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
    """Remove what is noted, by whomever, and not needed.

    Parameters
    ----------
    layout
        Where it is.
    limits
        The largest documents.
    free
        Whether nobody pulls, as `Layout.unless_in_use` says it.
    spare
        What stays beside that.
    """
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
