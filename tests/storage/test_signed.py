"""Signed documents lie in a layout that stays valid, and are found by the digest of what was signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.errors import IntegrityError, TransportError
from ocinb.spec.digest import Digest
from ocinb.storage.blobs import Blobs, SignedDocuments
from tests.spec.signing import Step, schema1, sign

PAYLOAD = schema1([Step(None, f"sha256:{'1' * 64}")])


RAW = sign(PAYLOAD)


def kept(root: Path, limit: int = 10**6) -> SignedDocuments:
    return SignedDocuments(Blobs(root), limit)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_one_is_found_again(tmp_path: Path, algorithm: str) -> None:
    digest = Digest.of(PAYLOAD, algorithm)
    assert kept(tmp_path).read(digest) is None
    kept(tmp_path).write(RAW, digest)
    assert kept(tmp_path).read(digest) == RAW
    assert [path.name for path in tmp_path.glob("blobs/*/*")] == [Digest.of(RAW).hex]


def test_the_first_one_stays(tmp_path: Path) -> None:
    digest = Digest.of(PAYLOAD)
    kept(tmp_path).write(RAW, digest)
    kept(tmp_path).write(sign(PAYLOAD, keys=2), digest)
    assert kept(tmp_path).read(digest) == RAW


def test_another_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        kept(tmp_path).write(RAW, Digest.of(b"something else"))
    assert not (tmp_path / "blobs").exists()
    assert not (tmp_path / ".ocinb").exists()


@pytest.mark.parametrize("note", [b"", b"\xff\xfe", b"../../../etc/passwd", b"sha256:12", b"x" * 10_000])
def test_a_note_that_leads_nowhere_is_none(tmp_path: Path, note: bytes) -> None:
    digest = Digest.of(PAYLOAD)
    kept(tmp_path).write(RAW, digest)
    (tmp_path / ".ocinb" / "signed" / "sha256" / digest.hex).write_bytes(note)
    assert kept(tmp_path).read(digest) is None


def test_a_note_that_leads_to_another_document_is_none(tmp_path: Path) -> None:
    digest, other = Digest.of(PAYLOAD), b"another blob"
    kept(tmp_path).write(RAW, digest)
    Blobs(tmp_path).write(other, Digest.of(other))
    (tmp_path / ".ocinb" / "signed" / "sha256" / digest.hex).write_bytes(Digest.of(other).encode())
    assert kept(tmp_path).read(digest) is None
    kept(tmp_path).write(RAW, digest)
    assert kept(tmp_path).read(digest) == RAW


def test_a_place_that_cannot_be_written_is_our_error(tmp_path: Path) -> None:
    (tmp_path / ".ocinb").mkdir()
    (tmp_path / ".ocinb" / "signed").write_text("a file where a folder has to be", encoding="utf-8")
    with pytest.raises(TransportError, match="cannot be used"):
        kept(tmp_path).write(RAW, Digest.of(PAYLOAD))
