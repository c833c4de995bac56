"""Signed documents: which blob holds the one whose digest is that of what was signed, and not of its bytes.

A layout has no place for such a document under its own digest: there stands only what has that digest. So its bytes are
a blob like any other, under their own, and a note in our own folder leads there.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.schema1_signature import verify_manifest
from ocinb.storage.atomic_files import disk_errors, own_folder, write_atomically
from ocinb.storage.blobs import Blobs
from ocinb.storage.safe_open import open_regular_file

_LONGEST_NOTE = 200


class SignedDocuments:
    """The signed documents among some blobs."""

    def __init__(self, blobs: Blobs, limit: int) -> None:
        self._blobs = blobs
        self._limit = limit

    def read(self, digest: Digest) -> bytes | None:
        """Read one, proving it again; None if it is not there, or not what the note says."""
        path = self._note(digest)
        with disk_errors(path):
            try:
                with open_regular_file(path) as file:
                    noted = file.read(_LONGEST_NOTE)
            except FileNotFoundError:
                return None
        with suppress(InvalidError, IntegrityError, UnicodeDecodeError):
            raw = self._blobs.read(Digest(noted.decode("ascii")), self._limit)
            return None if raw is None else verify_manifest(raw, digest)
        return None

    def write(self, raw: bytes, digest: Digest) -> None:
        """Keep one; it is proved first. The one that is there stays: some registries sign anew for each question.

        Raises
        ------
        IntegrityError
            If it is not the promised one.
        TransportError
            If it cannot be written.
        """
        verify_manifest(raw, digest)
        if self.read(digest) is not None:
            return
        own, path = Digest.of(raw), self._note(digest)
        self._blobs.write(raw, own)
        with disk_errors(path):
            write_atomically(path, own.encode("ascii"), root=self._blobs.root, settled=False)

    def _note(self, digest: Digest) -> Path:
        return own_folder(self._blobs.root, "signed") / digest.algorithm / digest.hex
