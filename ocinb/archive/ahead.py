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
        header.name = self._name or header.name
        header.link = self._link or header.link
        said = self._attributes or self._defaults
        self._name, self._link, self._body, self._attributes = b"", b"", None, None
        if said is None:
            return None
        for name in ("size", "mtime", "uid", "gid"):
            value = getattr(said, name)
            if value is not None:
                setattr(header, name, value)
        header.link = said.linkpath or header.link
        sparse = said.sparse if said.sparse and said.sparse.is_sparse() else None
        header.name = (sparse.name if sparse else None) or said.path or header.name
        return sparse

    def stays(self) -> bool:
        """Say whether something was said of all entries that come, so that no header alone says all."""
        return self._defaults is not None

    def _add_records(self, kind: bytes, body: bytes) -> None:
        if kind == GLOBAL:
            self._defaults = (self._defaults or Attributes()).read(body)
            self._defaults.sparse = None  # holes are of one file
        else:
            self._body = body
        if self._body is not None:  # again if a global header stands between it and its entry
            self._attributes = (self._defaults or Attributes()).read(self._body)
