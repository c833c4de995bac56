"""What is to go is on the disk before anything goes, and whatever else lies there says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.errors import TransportError
from ocinb.spec.digest import Digest
from ocinb.storage.atomic_files import new_own_file
from ocinb.storage.garbage_collection import note_pending, read_pending, settle_pending

DIGESTS = {Digest.of(b"a"), Digest.of(b"b"), Digest.of(b"c", "sha512")}


def test_notes_are_read_back_and_settled(tmp_path: Path) -> None:
    assert read_pending(tmp_path) == {}
    note = note_pending(tmp_path, DIGESTS)
    other = note_pending(tmp_path, {Digest.of(b"a")})
    assert read_pending(tmp_path) == {note: DIGESTS, other: {Digest.of(b"a")}}
    settle_pending([note, note])
    assert read_pending(tmp_path) == {other: {Digest.of(b"a")}}


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"../../etc/passwd\n", b"sha256:00\n", b"{}"])
def test_what_is_no_note_says_nothing(tmp_path: Path, raw: bytes) -> None:
    note = note_pending(tmp_path, DIGESTS)
    note.write_bytes(raw)
    assert read_pending(tmp_path) == {note: set()}


def test_a_link_or_a_folder_is_no_note(tmp_path: Path) -> None:
    note = note_pending(tmp_path, DIGESTS)
    link, folder = new_own_file(tmp_path, "pending"), new_own_file(tmp_path, "pending")
    link.symlink_to(note)
    folder.mkdir()
    assert read_pending(tmp_path) == {note: DIGESTS}


def test_what_stands_behind_a_link_or_is_called_otherwise_is_no_note(tmp_path: Path) -> None:
    layout, theirs = tmp_path / "layout", tmp_path / "theirs"
    (layout / ".ocinb").mkdir(parents=True)
    precious = note_pending(theirs, DIGESTS)
    (layout / ".ocinb" / "pending").symlink_to(precious.parent)
    assert read_pending(layout) == {}
    precious.with_name("thesis.txt").write_bytes(b"years of work")
    assert read_pending(theirs) == {precious: DIGESTS}


def test_a_note_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".ocinb").write_bytes(b"no folder")
    with pytest.raises(TransportError, match="cannot be used"):
        note_pending(tmp_path, DIGESTS)
