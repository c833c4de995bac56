"""Pruning: what has to go so that what is kept is young enough, or small enough, and its removal.

What an image that is named in the layout needs is never removed, nor what somebody is at work on. Names go only if it
was said which ones stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ocinb.spec.digest import Digest
from ocinb.storage import answers
from ocinb.storage.files import disk_errors
from ocinb.storage.inventory import Item, is_at_work, list_items
from ocinb.storage.layout import Layout
from ocinb.storage.needs import Limits
from ocinb.storage.removal import Choice, drop_names, may_be_awaited, remove_blob, sweep
from ocinb.storage.survey import Kept, Shares, needed_by, survey


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
    """Choose what has to go, of what may go: least recently used first.

    Parameters
    ----------
    items
        What may go.
    total
        What all takes, in bytes, also what may not go.
    unused_since
        What was last of use before this moment goes.
    keep_bytes
        So much may be left; if what may not go takes more, all else goes.
    """
    gone = []
    for item in sorted(items, key=lambda item: item.used):
        too_old = unused_since is not None and item.used < unused_since
        too_much = keep_bytes is not None and total > keep_bytes
        if too_old or too_much:
            gone.append(item)
            total -= item.size
    return gone


def choose_images(kept: Sequence[Kept], keep: Collection[int], items: Sequence[Item], aim: Aim) -> set[int]:
    """Choose the images that lose their names: all that are not kept, or those that are too old or too much.

    Parameters
    ----------
    kept
        The images that are named.
    keep
        The places of those that stay.
    items
        All that there is.
    aim
        If it says nothing, all others go; else those that were not used for so long, and then, least recently used
        first, as many as it takes when all that has no name is gone too.
    """
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
    """Give the places of what was pulled as one, but for what stays."""
    stays = _with_companions(kept, keep)
    groups: dict[object, set[int]] = {}
    for place, one in enumerate(kept):
        if place not in stays:
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


def prune(layout: Layout, cache_dir: Path, aim: Aim, *, limits: Limits, keep: Choice | None = None) -> Pruned:
    """Remove what is too old or too much, and say what that was.

    Parameters
    ----------
    layout, cache_dir
        What is pruned.
    aim
        What shall be left.
    limits
        The largest documents.
    keep
        Which images stay; None are all.

    Raises
    ------
    IntegrityError
        If a document of an image that stays is damaged, so that nobody can tell what it needs.
    InvalidError
        If nobody can tell what is named in the layout.
    TransportError
        If something cannot be removed.
    """
    with layout.unless_in_use() as free:
        items = list_items(layout, cache_dir)
        images = []
        if keep is not None:
            images = drop_names(layout, lambda kept: choose_images(kept, keep(kept), items, aim), limits)
        swept = sweep(layout, limits, free=free).gone
        left = [item for item in items if item.name not in swept]
        chosen = _choose_items(layout, cache_dir, left, aim, limits=limits, free=free)
        gone = [item for item in items if item.name in swept]
        return Pruned([*gone, *_remove(layout, cache_dir, chosen)], images)


def _choose_items(
    layout: Layout, cache_dir: Path, items: Sequence[Item], aim: Aim, *, limits: Limits, free: bool | None
) -> list[Item]:
    needed = needed_by(survey(layout, limits))

    def may_go(item: Item) -> bool:
        if item.kind != "blobs":
            return not is_at_work(item)
        # Somebody may be pulling: what is here may wait for the name of its image.
        return item.name not in needed and not may_be_awaited(item.used, free=free)

    return choose(
        [item for item in items if may_go(item)],
        total=sum(item.size for item in items) + answers.overhead(cache_dir),
        unused_since=aim.unused_since,
        keep_bytes=aim.keep_bytes,
    )


def _remove(layout: Layout, cache_dir: Path, chosen: Sequence[Item]) -> list[Item]:
    keys = {item.name for item in chosen if isinstance(item.name, answers.Key)}
    gone = [item for item in chosen if isinstance(item.name, answers.Key) or _removed(layout, item.name)]
    if keys:  # last: on a full disk there has to be some room before rows can go
        answers.remove_rows(cache_dir, keys)
    return gone


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
