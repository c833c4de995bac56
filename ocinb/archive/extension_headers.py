"""pax: what the headers before an entry say of it.

Source: POSIX pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files".

Where readers differ: a global header adds to those before it, as POSIX has it; GNU tar 1.34 forgets them. An empty
value takes back what a global header said and leaves what the entry's own header says, as Go has it; in GNU tar an
entry then has no name, and an empty size is an error. Of two records of one name the last wins (GNU tar takes the
first of a global header). A name with a NUL in it is refused, as Go does: GNU tar would see another name than
tarfile. So is a record that is not well formed, after which GNU tar goes on as if nothing had been said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ocinb.archive.tar_headers import LARGEST, MICRO, Header, MalformedError, text_field

_DIGITS: Final = 20
_DECIMAL = re.compile(rb"(-?)([0-9]+)(?:\.([0-9]*))?")
# Sooner or later than any clock shows; more digits than that are not worth the time that they take.
_NEVER: Final = 10**24


@dataclass(slots=True)
class SparseRecords:
    """What is said of holes: versions 0.0 and 0.1 say here where the content is, 1.0 before the content."""

    major: int | None = None
    minor: int | None = None
    name: bytes | None = None
    size: int | None = None
    realsize: int | None = None
    blocks: int | None = None
    numbers: list[int] = field(default_factory=list)
    is_one_map: bool | None = None  # or the numbers come one by one

    def is_sparse(self) -> bool:
        """Say whether the entry has holes: a count of runs alone makes none, in no reader that was tried."""
        return self.major is not None or bool(self.numbers)

    def whole_size(self) -> int | None:
        """Give how large the file is, holes and all; None if nothing is said."""
        if None not in {self.size, self.realsize} and self.size != self.realsize:
            raise MalformedError("its pax header says two sizes")
        return self.realsize if self.size is None else self.size


@dataclass(slots=True)
class Attributes:
    """What is said of an entry; None where nothing is."""

    path: bytes | None = None
    linkpath: bytes | None = None
    size: int | None = None
    mtime: int | None = None
    uid: int | None = None
    gid: int | None = None
    sparse: SparseRecords | None = None

    def read(self, body: bytes) -> Attributes:
        """Give these with what a header adds to them or takes back."""
        more = replace(self, sparse=None)
        for name, value in records(body):
            if name in _READERS:
                reader = _READERS[name]
                setattr(more, name.decode(), reader(value) if value else None)
            elif name.startswith(b"GNU.sparse."):
                more.sparse = more.sparse or SparseRecords()
                _add_sparse(more.sparse, name.decode("latin-1"), value)
        return more


def records(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    r"""Give the records of a header, name and value.

    >>> list(records(b"12 path=a/b\n13 comment=\xff\n"))
    [(b'path', b'a/b'), (b'comment', b'\xff')]
    """
    at = 0
    while at < len(body):
        blank = body.find(b" ", at, at + _DIGITS)
        length = body[at:blank]
        if blank < 0 or not length.isdigit():
            if not body[at:].strip(b"\0"):
                return
            raise MalformedError("a record of its pax header has no length")
        stop = at + int(length)
        equals = body.find(b"=", blank, max(blank, stop - 1))
        if stop > len(body) or equals < 0 or body[stop - 1] != ord("\n"):
            raise MalformedError("a record of its pax header does not end where it says")
        yield body[blank + 1 : equals], body[equals + 1 : stop - 1]
        at = stop


def whole_number(value: bytes) -> int:
    """Read digits."""
    if not value.isdigit() or len(value) > _DIGITS or (number := int(value)) > LARGEST:
        raise MalformedError(f"{value[:_DIGITS]!r} in it is no size")
    return number


def microseconds(value: bytes) -> int:
    """Read a time in seconds since 1970; what is finer than a microsecond is cut, towards the past.

    >>> microseconds(b"1.5"), microseconds(b"-1.5"), microseconds(b"-0.0000001")
    (1500000, -1500000, -1)
    """
    found = _DECIMAL.fullmatch(value)
    if found is None:
        raise MalformedError(f"{value[:_DIGITS]!r} in its pax header is no time")
    sign, whole, fraction = found[1], found[2].lstrip(b"0"), found[3] or b""
    if len(whole) > _DIGITS:
        return -_NEVER if sign else _NEVER
    micro = int(whole or b"0") * MICRO + int(fraction[:6].ljust(6, b"0"))
    return -micro - bool(fraction[6:].strip(b"0")) if sign else micro


def _name(value: bytes) -> bytes:
    if b"\0" in value:
        raise MalformedError("a name in its pax header has a NUL in it")
    return value


def _owner(value: bytes) -> int:
    number = whole_number(value.removeprefix(b"-"))
    return -number if value.startswith(b"-") else number


_READERS: dict[bytes, Callable[[bytes], Any]] = {
    b"path": _name,
    b"linkpath": _name,
    b"size": whole_number,
    b"mtime": microseconds,
    b"uid": _owner,
    b"gid": _owner,
}
_SPARSE_NUMBERS: Final = {
    "major": "major",
    "minor": "minor",
    "size": "size",
    "realsize": "realsize",
    "numblocks": "blocks",
}
_ONE_MAP: Final = "map"
_BY_TURNS: Final = frozenset({"offset", "numbytes"})


def _add_sparse(sparse: SparseRecords, name: str, value: bytes) -> None:
    key = name.removeprefix("GNU.sparse.")
    if key in _SPARSE_NUMBERS:
        setattr(sparse, _SPARSE_NUMBERS[key], whole_number(value))
    elif key == "name":
        sparse.name = _name(value) or None
    elif key == _ONE_MAP or key in _BY_TURNS:
        _add_places(sparse, key, value)


def _add_places(sparse: SparseRecords, key: str, value: bytes) -> None:
    """Take a whole map, or one number of it; it comes in one of these ways."""
    if sparse.is_one_map not in {None, key == _ONE_MAP}:
        raise MalformedError("the map of its holes is said in two ways")
    sparse.is_one_map = key == _ONE_MAP
    if sparse.is_one_map:
        sparse.numbers = [whole_number(one) for one in value.split(b",")] if value else []
        return
    if len(sparse.numbers) % 2 != (key == "numbytes"):
        raise MalformedError("the map of its holes is in no order")
    sparse.numbers.append(whole_number(value))


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
        """Take the content of one such header; of two of a kind the last counts."""
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
