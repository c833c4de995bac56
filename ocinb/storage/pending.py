"""Pending: what lost its name and has not gone yet, written down before the name goes.

A process that is killed between the two leaves a note, and whoever cleans up next completes it; so does whoever comes
after a pull that went on meanwhile. What is noted is only looked at: it goes if nothing needs it at that moment.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from ocinb.errors import InvalidError, TransportError
from ocinb.spec.digest import Digest
from ocinb.storage.files import disk_errors, new_own_file, own_files, write_atomically
from ocinb.storage.plain import read_small

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
