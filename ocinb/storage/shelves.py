"""Shelves: what stands where the blobs of a layout have their places, without following a link out of it.

The folders may be a stranger's. What stands behind a link is nobody's to count or to remove, and a folder in the place
of a blob is none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest
from ocinb.storage.files import disk_errors, is_real_folder


@dataclass(frozen=True, slots=True)
class Found:
    """Something that stands among the blobs: where, as which blob if it has the name of one, and what it looks like."""

    path: Path
    digest: Digest | None
    status: os.stat_result

    @property
    def is_blob(self) -> bool:
        """Whether it is a file that has the name of a blob."""
        return self.digest is not None and stat.S_ISREG(self.status.st_mode)

    @property
    def may_go(self) -> bool:
        """Whether it has the name of a blob, and can be removed as such; a link can."""
        return self.digest is not None and not stat.S_ISDIR(self.status.st_mode)


def walk_shelves(root: Path) -> Iterator[Found]:
    """List what stands among the blobs of a layout, in a steady order.

    Raises
    ------
    TransportError
        If a folder cannot be read.
    """
    top = root / "blobs"
    if not is_real_folder(top):
        yield from _looked_at([top], is_shelf=True)
        return
    for shelf in _looked_at(_inside(top), is_shelf=True):
        if stat.S_ISDIR(shelf.status.st_mode):
            yield from _looked_at(_inside(shelf.path), is_shelf=False)
        else:
            yield shelf


def find_blob(path: Path) -> os.stat_result | None:
    """Look at a blob that may be removed; None if there is none, or it stands behind a link, or is a folder."""
    if not is_real_folder(path.parent) or not is_real_folder(path.parent.parent):
        return None
    try:
        status = path.lstat()
    except OSError:
        return None
    return None if stat.S_ISDIR(status.st_mode) else status


def _inside(folder: Path) -> list[Path]:
    with disk_errors(folder):
        try:
            return [folder / name for name in sorted(os.listdir(folder))]  # noqa: PTH208 - there may be very many
        except FileNotFoundError:  # somebody removes the whole layout
            return []


def _looked_at(paths: list[Path], *, is_shelf: bool) -> Iterator[Found]:
    for path in paths:
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):  # another process was quicker, or there is no layout
            continue
        yield Found(path, None if is_shelf else _digest_of(path), status)


def _digest_of(path: Path) -> Digest | None:
    try:
        return Digest(f"{path.parent.name}:{path.name}")
    except InvalidError:  # not ours
        return None
