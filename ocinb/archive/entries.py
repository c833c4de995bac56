"""Entries: what stands in a tar, column by column.

A layer may have millions of them, so there is no object for each: a column is a list, and all have one length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Final

FILE: Final = "file"
DIRECTORY: Final = "directory"
SYMLINK: Final = "symlink"
HARDLINK: Final = "hardlink"
CHARACTER: Final = "character"
BLOCK: Final = "block"
FIFO: Final = "fifo"
WHITEOUT: Final = "whiteout"
OPAQUE: Final = "opaque"

_ESCAPED = re.compile("[\udc80-\udcff]")
# All backslashes of a run or none: whatever tried it from each of them would take a minute for a megabyte of them.
_AMBIGUOUS = re.compile("(?<!\\\\)\\\\++(?=x|[\udc80-\udcff])")


@dataclass(slots=True)
class Columns:
    """Entries in their order.

    Attributes
    ----------
    position
        Its place in the tar, from 0.
    path
        As text (see `text_of`), without a leading ``/`` or ``./`` and a trailing ``/``; "" is the root.
    type
        One of the words above.
    size_bytes
        Of the content of a regular file, its holes too; 0 for all others.
    mode
        Permission bits with setuid, setgid and sticky.
    uid, gid
        The owner's numbers.
    mtime
        In microseconds since 1970; None if no clock shows it.
    link_target
        What a link names, as it is written; None if it is no link. That of a hard link is a path as above.
    sha256
        The digest of a regular file's content, 32 bytes; None for all others.
    offset
        Where the content begins in the tar; None if there is none, or it does not stand in one run.
    """

    position: list[int] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    type: list[str] = field(default_factory=list)
    size_bytes: list[int] = field(default_factory=list)
    mode: list[int] = field(default_factory=list)
    uid: list[int] = field(default_factory=list)
    gid: list[int] = field(default_factory=list)
    mtime: list[int | None] = field(default_factory=list)
    link_target: list[str | None] = field(default_factory=list)
    sha256: list[bytes | None] = field(default_factory=list)
    offset: list[int | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.path)

    def extend(self, more: Columns) -> None:
        """Append other entries."""
        for name in COLUMNS:
            getattr(self, name).extend(getattr(more, name))

    def chosen(self, places: Iterable[int]) -> Columns:
        """Give some of the entries, in the order of their places."""
        wanted = list(places)
        return Columns(**{name: [getattr(self, name)[place] for place in wanted] for name in COLUMNS})


COLUMNS: Final = tuple(one.name for one in fields(Columns))


def text_of(raw: bytes) -> str:
    r"""Give the bytes of a name as text: what is no UTF-8 as ``\xNN``, so that no two names fall together.

    Backslashes before that, or before an x, are doubled.

    >>> print(text_of("café".encode()), text_of(b"caf\xe9"), text_of(rb"caf\xe9"), text_of(rb"a\b"))
    café caf\xe9 caf\\xe9 a\b
    """
    if raw.isascii() and b"\\" not in raw:
        return raw.decode("ascii")
    text = _AMBIGUOUS.sub(lambda found: found[0] * 2, raw.decode("utf-8", "surrogateescape"))
    return _ESCAPED.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)
