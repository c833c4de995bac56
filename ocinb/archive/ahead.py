"""Ahead: what stands before an entry and belongs to it, long names of GNU tar and the records of pax."""

from __future__ import annotations

from typing import Final

from ocinb.archive.headers import Header, text_field
from ocinb.archive.pax import Attributes, SparseRecords

LONG_NAME: Final = b"L"
LONG_LINK: Final = b"K"
GLOBAL: Final = b"g"
KINDS: Final = frozenset({LONG_NAME, LONG_LINK, GLOBAL, b"x", b"X"})  # the last is that of Solaris


class Ahead:
    """Gathers it until the entry comes; what is global stays."""

    def __init__(self) -> None:
        self._name = b""
        self._link = b""
        self._body: bytes | None = None
        self._attributes: Attributes | None = None
        self._is_stale = False  # for a global header stands between these and their entry
        self._defaults: Attributes | None = None

    def add(self, kind: bytes, body: bytes) -> None:
        """Take the content of one such header; of two of a kind the last counts.

        Raises
        ------
        MalformedError
            If it is none.
        """
        if kind == LONG_NAME:
            self._name = text_field(body)
        elif kind == LONG_LINK:
            self._link = text_field(body)
        else:
            self._add_records(kind, body)

    def apply(self, header: Header) -> SparseRecords | None:
        """Put what was said into the header that it is said of, forget it, and give what it says of holes."""
        name, link, said = self._name, self._link, self._said()
        self._name, self._link, self._body, self._attributes, self._is_stale = b"", b"", None, None, False
        sparse = _add(header, said) if said else None
        header.name = (sparse.name if sparse else None) or name or header.name
        header.link = link or header.link
        return sparse

    def stays(self) -> bool:
        """Say whether something was said of all entries that come, so that no header alone says all."""
        return self._defaults is not None

    def _said(self) -> Attributes | None:
        """Give what the records say; those of an entry are read a second time at most, however many are global."""
        if self._body is not None and self._is_stale:
            return (self._defaults or Attributes()).read(self._body)
        return self._attributes or self._defaults

    def _add_records(self, kind: bytes, body: bytes) -> None:
        if kind == GLOBAL:
            self._defaults = (self._defaults or Attributes()).read(body)
            self._defaults.sparse = None  # holes are of one file
            self._is_stale = True
        else:
            self._attributes = (self._defaults or Attributes()).read(body)
            self._body, self._is_stale = body, False


def _add(header: Header, said: Attributes) -> SparseRecords | None:
    """Put what pax says into a header, and give what it says of holes."""
    for name in ("size", "mtime", "uid", "gid"):
        value = getattr(said, name)
        if value is not None:
            setattr(header, name, value)
    header.name = said.path or header.name
    header.link = said.linkpath or header.link
    return said.sparse if said.sparse and said.sparse.is_sparse() else None
