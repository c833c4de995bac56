"""Pruning: what has to go so that what is kept is young enough, or small enough, and its removal.

What an image that is named in the layout needs is never removed, nor what somebody is at work on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ocinb.spec.digest import Digest
from ocinb.storage import kept
from ocinb.storage.blobs import LEFTOVER_SECONDS, disk_errors
from ocinb.storage.inventory import Item, is_at_work, list_items
from ocinb.storage.layout import Layout


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


def prune(
    layout: Layout, cache_dir: Path, *, older_than: float | None, keep_bytes: int | None, limit: int
) -> list[Item]:
    """Remove what is too old or too much, and say what that was.

    Parameters
    ----------
    layout, cache_dir
        What is pruned.
    older_than
        What was not used for so many seconds goes.
    keep_bytes
        So much may be left.
    limit
        The largest document, in bytes.

    Raises
    ------
    InvalidError
        If nobody can tell what is named in the layout.
    TransportError
        If something cannot be removed.
    """
    now = time.time()
    with layout.unless_in_use() as free:
        items = list_items(layout, cache_dir)
        needed = layout.needed(limit)

        def may_go(item: Item) -> bool:
            if item.kind != "blobs":
                return not is_at_work(item)
            # Somebody may be pulling: what is here may wait for the name of its image.
            waits = item.used > now - LEFTOVER_SECONDS if free is None else not free
            return item.name not in needed and not waits

        chosen = choose(
            [item for item in items if may_go(item)],
            total=sum(item.size for item in items) + kept.overhead(cache_dir),
            unused_since=None if older_than is None else now - older_than,
            keep_bytes=keep_bytes,
        )
        return _remove(layout, cache_dir, chosen)


def _remove(layout: Layout, cache_dir: Path, chosen: Sequence[Item]) -> list[Item]:
    keys = {item.name for item in chosen if isinstance(item.name, kept.Key)}
    if keys:
        kept.remove_rows(cache_dir, keys)
    return [item for item in chosen if item.name in keys or _removed(layout, item.name)]


def _removed(layout: Layout, name: Digest | kept.Key | Path) -> bool:
    if isinstance(name, Digest):
        return layout.blobs.remove(name)
    path = layout.root / name
    with disk_errors(path):
        try:
            path.unlink()
        except FileNotFoundError:  # another process was quicker
            return False
    return True
