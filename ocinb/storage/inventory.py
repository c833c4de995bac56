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
from ocinb.storage import answers, parts
from ocinb.storage.files import LEFTOVER_SECONDS, disk_errors, is_real_folder, last_used, own_files, own_folder
from ocinb.storage.layout import Layout
from ocinb.storage.shelves import walk_shelves

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
    name: Digest | answers.Key | Path
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
            *_files("responses", answers.set_aside(cache_dir)),
            *(Item("responses", row.key, row.size, row.created) for row in answers.list_rows(cache_dir)),
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
    return parts.all_parts(root) if is_real_folder(folder.parent) and is_real_folder(folder) else ()


def _files(kind: str, paths: Iterable[Path]) -> Iterator[Item]:
    for path in paths:
        try:
            status = os.lstat(path)
        except FileNotFoundError:  # another process was quicker
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield Item(kind, path, status.st_size, last_used(status))
