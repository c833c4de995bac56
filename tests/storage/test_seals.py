"""A sealed file is believed as long as each of its bytes is what it was."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.storage import layer_tables
from ocinb.storage.layer_tables import blank_note, seal, sealed_note

NOTE = blank_note({"version": 1, "digest": "sha256:00"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def _sealed(file: Path, raw: bytes) -> bytes:
    file.write_bytes(raw)
    seal(file)
    return file.read_bytes()


def _note(file: Path) -> object:
    with file.open("rb", buffering=0) as opened:
        return sealed_note(opened)


@pytest.mark.parametrize("length", [0, 10, 4096, 10_000])
def test_a_note_comes_back(file: Path, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_tables, "_CHUNK", 1000)
    raw = _sealed(file, b"x" * length + NOTE.encode() + b"the end")
    note = _note(file)
    assert isinstance(note, dict)
    assert (note["version"], note["digest"]) == (1, "sha256:00")
    assert len(raw) == length + len(NOTE) + len(b"the end")


def test_a_changed_byte_anywhere_breaks_the_seal(file: Path) -> None:
    raw = _sealed(file, b"columns" + NOTE.encode() + b"the end")
    for place in range(len(raw)):
        file.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        assert _note(file) is None, place


def test_a_file_that_is_cut_off_or_longer_is_not_believed(file: Path) -> None:
    raw = _sealed(file, b"columns" + NOTE.encode() + b"the end")
    for end in range(len(raw)):
        file.write_bytes(raw[:end])
        assert _note(file) is None, end
    file.write_bytes(raw + b"!")
    assert _note(file) is None


def test_text_that_looks_like_a_note_is_none(file: Path) -> None:
    stranger = blank_note({"version": 1, "digest": "sha256:11"}).encode()
    _sealed(file, stranger + NOTE.encode())
    note = _note(file)
    assert isinstance(note, dict)
    assert note["digest"] == "sha256:00"


def test_what_was_never_sealed_is_not_believed(file: Path) -> None:
    file.write_bytes(NOTE.encode())
    assert _note(file) is None


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_strangers_files_are_no_notes(tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "strange"
    for middle in (b"", b'"seal": "', b'{"seal": "', b'{"seal": "' + b"0" * 64 + b'"}', b'{"seal": ' + b"0" * 70):
        file.write_bytes(before + middle + after)
        assert _note(file) is None


@pytest.mark.parametrize(
    "raw",
    [
        b'{"x\\"seal": "' + b"0" * 64 + b'"}',  # the mark stands in another key
        b'{"seal": "\\ud800' + b"0" * 58 + b'"}',  # half a character
        b'{"seal": {"x": 1}, "y\\"seal": "' + b"0" * 64 + b'"}',
    ],
)
def test_odd_notes_are_none(file: Path, raw: bytes) -> None:
    file.write_bytes(raw)
    assert _note(file) is None


def test_a_note_that_nobody_could_read_is_none(file: Path) -> None:
    for odd in (b"[" * 3000, b"1" * 3500):
        file.write_bytes(b'{"a": ' + odd + b', "seal": "' + b"0" * 64 + b'"}')
        assert _note(file) is None
