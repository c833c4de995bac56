"""What is to go is on the disk before anything goes, and whatever else lies there says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.errors import TransportError
from ocinb.spec.digest import Digest
from ocinb.storage.garbage_collection import note_pending

DIGESTS = {Digest.of(b"a"), Digest.of(b"b"), Digest.of(b"c", "sha512")}


def test_a_note_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".ocinb").write_bytes(b"no folder")
    with pytest.raises(TransportError, match="cannot be used"):
        note_pending(tmp_path, DIGESTS)
