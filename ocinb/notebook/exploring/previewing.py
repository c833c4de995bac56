"""Previewing: the beginning of a file as text, if it is one."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from dataclasses import dataclass
from typing import Final

from ocinb._text import printable

# Nobody reads more in a window beside a tree; and what has to be unpacked and hashed for that.
SHOWN_BYTES: Final = 64 * 1024
READ_BYTES: Final = 16 * 1024 * 1024
_LINES = re.compile(r"\r\n?|\n")
# More characters than this part that no text has, and it is none.
_FEW: Final = 0.05
# Controls that stand in no text, and bytes that are no UTF-8, which a text of last century may have here and there.
_ODD = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\udc80-\udcff]")
_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file: as text, or None if it is none; and whether there is more."""

    text: str | None
    is_cut: bool


def preview(raw: bytes) -> Preview:
    r"""Show the beginning of a file.

    What a terminal would obey is made visible; lines and tabs stay.

    >>> preview(b"port = 8080\n\x1b[2J").text
    'port = 8080\n\\x1b[2J'
    >>> preview(b"\x7fELF\x02\x01\x01\x00").text is None
    True
    """
    beginning = raw[:SHOWN_BYTES]
    text, is_cut = _decoded(beginning), len(raw) > SHOWN_BYTES
    if text is None or len(_ODD.findall(text)) > _FEW * len(text):
        return Preview(None, is_cut)
    return Preview("\n".join(_line(line) for line in _LINES.split(text)), is_cut)


def _decoded(beginning: bytes) -> str | None:
    """Read bytes as UTF-8, or as UTF-16 if they say so; the end may be in the middle of a character."""
    if beginning.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return getincrementaldecoder("utf-16")("replace").decode(beginning)
    if b"\0" in beginning:
        return None
    return getincrementaldecoder("utf-8")("surrogateescape").decode(beginning.removeprefix(BOM_UTF8))


def _line(line: str) -> str:
    bytes_shown = _BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", line)
    return "\t".join(printable(part) for part in bytes_shown.split("\t"))
