"""Seals: a note inside a file of another format, with the digest of all of that file but itself.

A library that reads a damaged file may say something wrong, or fall over it. So a file that a library wrote is sealed,
and handed to it again only if the seal is whole. The note stands near the end of the file, as the library was told it;
of several that look like it, as a stranger's text in the file may, it is the last.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from ocinb._pool import check_stopped

_MARK: Final = b'"seal": "'
_BLANK: Final = b"0" * 64
# The note stands in the last bytes.
_TAIL_BYTES: Final = 4096
_CHUNK: Final = 4 * 1024 * 1024


def blank_note(content: Mapping[str, str | int]) -> str:
    """Give the note that has to be in a file before it is sealed; its texts are plain, without braces."""
    return json.dumps({**content, "seal": _BLANK.decode()})


def seal(path: Path) -> None:
    """Seal a file that holds a blank note.

    Raises
    ------
    OSError
        If it cannot be read or written.
    ValueError
        If it holds none.
    """
    with path.open("r+b", buffering=0) as file:
        _, place = _find(file)
        digest = _digest(file, place)
        file.seek(place)
        file.write(digest)


def sealed_note(file: BinaryIO) -> dict[str, Any] | None:
    """Read the note of a file; None if it holds none, or anything in the file is not as it was when it was sealed."""
    try:
        note, place = _find(file)
        said = str(note.get("seal")).encode()
    except (ValueError, RecursionError):
        return None
    return note if said == _digest(file, place) else None


def _find(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """Find the note, and where in the file its digest stands."""
    start = max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES)
    file.seek(start)
    tail = file.read(_TAIL_BYTES)
    place = tail.rindex(_MARK) + len(_MARK)
    end = place + len(_BLANK)
    note = json.loads(tail[tail.rindex(b"{", 0, place) : end + len(b'"}')])
    return note, start + place


def _digest(file: BinaryIO, place: int) -> bytes:
    """Give the digest of all but the place where it stands."""
    hashed = hashlib.sha256()
    for start, end in ((0, place), (place + len(_BLANK), os.fstat(file.fileno()).st_size)):
        file.seek(start)
        left = end - start
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            check_stopped()
            hashed.update(chunk)
            left -= len(chunk)
    return hashed.hexdigest().encode()
