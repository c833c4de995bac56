"""Layers out of entries, as the columns that are read of their tars."""

from __future__ import annotations

import hashlib
import tarfile

from ocinb.archive.entries import BLOCK, CHARACTER, DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK, Columns
from ocinb.rootfs.filesystem import Overlay, overlay
from ocinb.rootfs.whiteouts import as_layer
from ocinb.samples.tars import Entry

_TYPES = {
    tarfile.REGTYPE: FILE,
    tarfile.DIRTYPE: DIRECTORY,
    tarfile.SYMTYPE: SYMLINK,
    tarfile.LNKTYPE: HARDLINK,
    tarfile.CHRTYPE: CHARACTER,
    tarfile.BLKTYPE: BLOCK,
    tarfile.FIFOTYPE: FIFO,
}


def tar_of(*entries: Entry) -> Columns:
    """Give the columns of a tar, with names as they are."""
    found = Columns()
    for position, entry in enumerate(entries):
        kind = _TYPES[entry.type]
        found.position.append(position)
        found.path.append(entry.path)
        found.type.append(kind)
        found.size_bytes.append(len(entry.content))
        found.mode.append(entry.mode)
        found.uid.append(entry.owner)
        found.gid.append(entry.owner)
        found.mtime.append(position)
        found.link_target.append(entry.target if kind in {SYMLINK, HARDLINK} else None)
        found.sha256.append(hashlib.sha256(entry.content).digest() if kind == FILE else None)
        found.offset.append(position * 1024 if kind == FILE else None)
    return found


def layer_of(*entries: Entry) -> Columns:
    """Give the columns of a layer."""
    return as_layer(tar_of(*entries))


def applied(*layers: list[Entry]) -> Overlay:
    """Apply layers of entries."""
    return overlay([layer_of(*entries) for entries in layers])


def fates(*layers: list[Entry]) -> list[list[str]]:
    """Say of each entry what the end of it is: seen, or why and where it is hidden, or nothing."""
    found = applied(*layers)
    return [
        [_fate(*one) for one in zip(*columns, strict=True)]
        for columns in zip(found.visible, found.reason, found.hidden_in, strict=True)
    ]


def _fate(visible: bool, reason: str | None, hidden_in: int | None) -> str:  # noqa: FBT001 - as it stands in the columns
    if visible:
        assert reason is None
        assert hidden_in is None
        return "seen"
    assert (reason is None) == (hidden_in is None)
    return "" if reason is None else f"{reason} in {hidden_in}"
