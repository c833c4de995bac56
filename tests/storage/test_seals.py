"""A sealed file is believed as long as each of its bytes is what it was."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.storage.layer_tables import sealed_note


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def _note(file: Path) -> object:
    with file.open("rb", buffering=0) as opened:
        return sealed_note(opened)


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
