"""A file stands under its digest when its bytes are right, and what is wrong is noticed and removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocinb.errors import IntegrityError, TransportError
from ocinb.spec.digest import Digest, Verifier
from ocinb.storage.blobs import SMALL, Blobs, SignedDocuments, find_blob, walk_shelves
from tests.spec.signing import Step, schema1, sign

RAW = b"the bytes of a blob"
DIGEST = Digest.of(RAW)
LIMIT = 1000
LONG = b"long enough for a note" * 20_000
assert len(LONG) > SMALL
LONG_DIGEST = Digest.of(LONG)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "store")


def test_wrong_bytes_are_never_written(blobs: Blobs) -> None:
    with pytest.raises(IntegrityError, match=DIGEST):
        blobs.write(b"others", DIGEST)
    assert not blobs.path(DIGEST).exists()


def arrive(blobs: Blobs, raw: bytes = RAW) -> Path:
    part = blobs.root / "part"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(raw)
    return blobs.adopt(part, Digest.of(raw))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("damage", [b"", RAW[:-1], RAW + b"!", RAW[::-1]])
def test_a_damaged_file_is_not_held_and_goes(blobs: Blobs, damage: bytes, full: bool) -> None:  # noqa: FBT001 - a row
    path = arrive(blobs)
    path.write_bytes(damage)
    assert not blobs.holds(DIGEST, len(RAW), full=full)
    assert not path.exists()


@pytest.mark.parametrize("note", [None, b"", b"\xff\xfe\x00 no text", b"1 2 3"])
def test_without_a_sound_note_a_file_is_hashed_again(blobs: Blobs, note: bytes | None) -> None:
    path = arrive(blobs, LONG)
    [noted] = (blobs.root / ".ocinb" / "verified").rglob(LONG_DIGEST.hex)
    if note is None:
        noted.unlink()
    else:
        noted.write_bytes(note)
    assert blobs.holds(LONG_DIGEST, len(LONG))
    path.write_bytes(LONG[::-1])
    assert not blobs.holds(LONG_DIGEST, len(LONG))


def test_a_folder_that_is_none_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    blobs = Blobs(tmp_path / "file" / "store")
    part = tmp_path / "part"
    part.write_bytes(RAW)
    for act in (
        lambda: blobs.write(RAW, DIGEST),
        lambda: blobs.adopt(part, DIGEST),
        lambda: blobs.read(DIGEST, LIMIT),
    ):
        with pytest.raises(TransportError, match=r"ocinb\.settings\.store_dir") as caught:
            act()
        assert str(blobs.path(DIGEST)) in str(caught.value)
        assert caught.value.__suppress_context__


@pytest.mark.parametrize("left", [b"", bytes(len(RAW))], ids=["empty", "zeros"])
def test_what_a_power_cut_left_of_a_document_is_never_taken_for_it(blobs: Blobs, left: bytes) -> None:
    path = blobs.write(RAW, DIGEST)
    path.write_bytes(left)
    assert blobs.read(DIGEST, LIMIT) is None
    assert not path.exists()
    blobs.write(RAW, DIGEST).write_bytes(left)
    assert not blobs.holds(DIGEST, len(RAW))
    assert not path.exists()


def test_who_finds_damage_takes_nothing_away_that_was_mended_meanwhile(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, updated = arrive(blobs), Verifier.update

    def mend(self: Verifier, chunk: bytes) -> None:
        monkeypatch.undo()
        updated(self, chunk)
        arrive(blobs)  # another process, while this one still hashes what stood there

    for look in (lambda: blobs.read(DIGEST, LIMIT), lambda: blobs.holds(DIGEST, len(RAW))):
        path.write_bytes(RAW[::-1])
        monkeypatch.setattr(Verifier, "update", mend)
        assert not look()
        assert path.read_bytes() == RAW


def test_a_fifo_is_no_blob_and_no_note_and_nobody_waits_for_it(blobs: Blobs) -> None:
    note = blobs.root / ".ocinb" / "verified" / "sha256" / LONG_DIGEST.hex
    note.parent.mkdir(parents=True)
    os.mkfifo(note)
    blobs.write(LONG, LONG_DIGEST)
    assert blobs.holds(LONG_DIGEST, len(LONG))
    os.mkfifo(blobs.path(DIGEST))
    for look in (lambda: blobs.read(DIGEST, LIMIT), lambda: blobs.holds(DIGEST, 1), lambda: blobs.settle(DIGEST)):
        with pytest.raises(TransportError, match="it is neither a file nor a folder"):
            look()


HEX = "0" * 64


def put(root: Path, place: str) -> Path:
    path = root / "blobs" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"content")
    return path


@pytest.mark.parametrize("linked", ["blobs", "blobs/sha256"])
def test_a_linked_folder_is_told_of_and_nothing_behind_it(tmp_path: Path, linked: str) -> None:
    put(tmp_path / "layout", f"sha256/{HEX}")
    (tmp_path / "layout" / linked).rename(tmp_path / "elsewhere")
    (tmp_path / "layout" / linked).symlink_to(tmp_path / "elsewhere")
    [found] = walk_shelves(tmp_path / "layout")
    assert (found.path, found.digest, found.may_go) == (tmp_path / "layout" / linked, None, False)
    assert find_blob(tmp_path / "layout" / "blobs" / "sha256" / HEX) is None


PAYLOAD = schema1([Step(None, f"sha256:{'1' * 64}")])


RAW_SIGNED = sign(PAYLOAD)


def kept(root: Path, limit: int = 10**6) -> SignedDocuments:
    return SignedDocuments(Blobs(root), limit)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_one_is_found_again(tmp_path: Path, algorithm: str) -> None:
    digest = Digest.of(PAYLOAD, algorithm)
    assert kept(tmp_path).read(digest) is None
    kept(tmp_path).write(RAW_SIGNED, digest)
    assert kept(tmp_path).read(digest) == RAW_SIGNED
    assert [path.name for path in tmp_path.glob("blobs/*/*")] == [Digest.of(RAW_SIGNED).hex]


def test_the_first_one_stays(tmp_path: Path) -> None:
    digest = Digest.of(PAYLOAD)
    kept(tmp_path).write(RAW_SIGNED, digest)
    kept(tmp_path).write(sign(PAYLOAD, keys=2), digest)
    assert kept(tmp_path).read(digest) == RAW_SIGNED


def test_another_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        kept(tmp_path).write(RAW_SIGNED, Digest.of(b"something else"))
    assert not (tmp_path / "blobs").exists()
    assert not (tmp_path / ".ocinb").exists()


@pytest.mark.parametrize("note", [b"", b"\xff\xfe", b"../../../etc/passwd", b"sha256:12", b"x" * 10_000])
def test_a_note_that_leads_nowhere_is_none(tmp_path: Path, note: bytes) -> None:
    digest = Digest.of(PAYLOAD)
    kept(tmp_path).write(RAW_SIGNED, digest)
    (tmp_path / ".ocinb" / "signed" / "sha256" / digest.hex).write_bytes(note)
    assert kept(tmp_path).read(digest) is None


def test_a_note_that_leads_to_another_document_is_none(tmp_path: Path) -> None:
    digest, other = Digest.of(PAYLOAD), b"another blob"
    kept(tmp_path).write(RAW_SIGNED, digest)
    Blobs(tmp_path).write(other, Digest.of(other))
    (tmp_path / ".ocinb" / "signed" / "sha256" / digest.hex).write_bytes(Digest.of(other).encode())
    assert kept(tmp_path).read(digest) is None
    kept(tmp_path).write(RAW_SIGNED, digest)
    assert kept(tmp_path).read(digest) == RAW_SIGNED


def test_a_place_that_cannot_be_written_is_our_error(tmp_path: Path) -> None:
    (tmp_path / ".ocinb").mkdir()
    (tmp_path / ".ocinb" / "signed").write_text("a file where a folder has to be", encoding="utf-8")
    with pytest.raises(TransportError, match="cannot be used"):
        kept(tmp_path).write(RAW_SIGNED, Digest.of(PAYLOAD))
