"""TOC records: where the table of contents of a layer ends, as it was found by the promise of a manifest."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from ocinb.errors import TransportError
from ocinb.spec.digest import Digest
from ocinb.storage.blobs import note_use
from ocinb.storage.safe_files import (
    disk_errors,
    is_real_folder,
    open_plain,
    read_all,
    says_full,
    write_atomically,
)

logger = logging.getLogger("ocinb")

# The manifests of one layer mostly promise the same; whoever promises more is asked for again.
MOST_PROMISES: Final = 16
_MOST_BYTES: Final = 64 * 1024


def record_path(root: Path, layer: Digest) -> Path:
    """Say where the record of a layer stands, or would stand."""
    return root / "index" / layer.algorithm / f"{layer.hex}.toc"


def look_up_end(root: Path, layer: Digest, promise: str) -> int | None:
    """Say where the contents of a layer end, by the table that was found by a promise; None if none was."""
    return _read(record_path(root, layer), layer).get(promise)


def note_end(root: Path, layer: Digest, promise: str, content_end: int) -> None:
    """Write down that a table was found by a promise; a store that is only lent keeps nothing.

    Raises
    ------
    TransportError
        If the disk is full.
    """
    path = record_path(root, layer)
    known = {key: end for key, end in _read(path, layer).items() if key != promise}
    newest = dict([*known.items(), (promise, content_end)][-MOST_PROMISES:])
    raw = json.dumps({"found": newest, "sha256": _digest(newest, layer)}).encode()
    try:
        with disk_errors(path):
            for folder in (path.parent.parent, path.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            if _is_ours(path):
                write_atomically(path, raw, root=root, settled=False)
    except TransportError as error:
        if says_full(error.message):
            raise
        logger.info("where the table of contents of %s stands is not kept: %s", layer, error.message)


def _read(path: Path, layer: Digest) -> Mapping[str, int]:
    """Read a record; it is empty if there is none that can be believed."""
    if not _is_ours(path):
        return {}
    with suppress(OSError, ValueError, RecursionError, LookupError, TypeError), open_plain(path) as file:
        raw = read_all(file, _MOST_BYTES)
        said = json.loads(raw) if len(raw) < _MOST_BYTES else {}
        found: dict[str, int] = said["found"]
        if said["sha256"] == _digest(found, layer):
            note_use(file.fileno(), os.fstat(file.fileno()))
            return found
    return {}


def _digest(found: Mapping[str, int], layer: Digest) -> str:
    return hashlib.sha256(json.dumps([layer, found]).encode(), usedforsecurity=False).hexdigest()


def _is_ours(path: Path) -> bool:
    """Say whether the folders of a record are no links, which lead anywhere."""
    return is_real_folder(path.parent) and is_real_folder(path.parent.parent)
