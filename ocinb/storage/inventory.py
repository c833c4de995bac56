"""The inventory: what takes room on this machine, of which kind it is, and when it was last of use."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest
from ocinb.storage import kept, parts
from ocinb.storage.blobs import LEFTOVER_SECONDS, OWN_FOLDER, disk_errors
from ocinb.storage.layout import Layout
from ocinb.storage.plain import is_real_folder

KINDS: Final = ("blobs", "index", "parts", "responses")


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
    name: Digest | kept.Key | Path
    size: int
    used: float


@dataclass(frozen=True, slots=True)
class Amount:
    """How many things of a kind there are, and what they take in bytes."""

    kind: str
    entries: int
    size: int


def list_items(layout: Layout, cache_dir: Path) -> list[Item]:
    """List all that is kept in a store and in a cache.

    Raises
    ------
    TransportError
        If a folder cannot be read.
    """
    with disk_errors(layout.root):
        return [
            *_blobs(layout.root),
            *_files("index", (layout.root / "index").rglob("*.parquet")),
            *_files("parts", parts.all_parts(layout.root)),
            *_files("parts", (layout.root / OWN_FOLDER / "new").glob("*")),
            *_files("responses", kept.set_aside(cache_dir)),
            *(Item("responses", row.key, row.size, row.created) for row in kept.list_rows(cache_dir)),
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
        return not parts.is_abandoned(item.name)
    return time.time() - item.used < LEFTOVER_SECONDS


def _blobs(root: Path) -> Iterator[Item]:
    for folder in (root / "blobs").glob("*"):
        if not is_real_folder(folder.parent) or not is_real_folder(folder):  # behind a link nothing is ours
            continue
        for path in folder.glob("*"):
            try:
                digest = Digest(f"{folder.name}:{path.name}")
            except InvalidError:  # not ours, and so not ours to remove
                continue
            for item in _files("blobs", [path]):
                yield Item("blobs", digest, item.size, item.used)


def _files(kind: str, paths: Iterable[Path]) -> Iterator[Item]:
    for path in paths:
        try:
            status = os.lstat(path)
        except FileNotFoundError:  # another process was quicker
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield Item(kind, path, status.st_size, max(status.st_atime, status.st_mtime))
