"""Tar: a stream of bytes in, the entries that stand in it out, with the digest of every file.

Source: POSIX pax, "pax Interchange Format" and "ustar Interchange Format"; GNU tar manual, "Tar Internals".

Old v7, ustar, GNU and pax are read. What they leave open is as GNU tar 1.34 has it; where that contradicts itself, or
would show other files than container engines make, as Go's archive/tar has it, because they unpack with that:

- The end is the first block of zeros, one is enough. What stands behind it is not looked at, nor is another tar, as in
  GNU tar without ``-i``. A tar may also end after any entry without such a block, and without the zeros that fill the
  entry's last one up, as what umoci inserts does: Go takes that for an end, GNU tar complains. Zeros that are no whole
  block are let pass. No bytes at all are a tar without entries, as in Go; GNU tar refuses them.
- Links, devices, directories and fifos have no content, whatever size they claim: so it is in Go, and when GNU tar
  extracts. (When it lists, it passes over the content of a symlink or a fifo.) Then comes a header. Where none is, GNU
  tar complains and looks for the next one; here that is damage, and the whole tar is refused.
- A regular file whose name ends in ``/`` is a file all the same, as in Go: engines write its content to the path
  before the slash. In GNU tar it is a directory. With the type of tars before POSIX, a NUL, it is a directory, which
  has no content whatever size it claims: a header comes next, as in Go, where GNU tar passes over the content.
- A type that nobody knows is a regular file. A volume label is no entry. The list in a directory of a dump is passed
  over. The rest of a file from another volume is refused. So is an old sparse file without the mark of GNU: GNU tar
  takes it for a plain file, tarfile for a sparse one, and Go refuses it.
- Pax records before an entry win over its header, and a long name of GNU tar over both, as in Go, bsdtar and tarfile;
  in GNU tar those of pax win. What is said of holes brings a name that wins over all, as in Go and GNU tar.
- Global pax records hold for all entries that come, as in GNU tar and tarfile. Engines do otherwise: docker and
  containerd pass over them, umoci refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ocinb._pool import check_stopped
from ocinb.archive import extension_headers, tar_headers
from ocinb.archive.byte_stream import Gathered, Hash, Nothing
from ocinb.archive.entries import DIRECTORY, FILE, Columns, text_of
from ocinb.archive.extension_headers import Ahead, SparseRecords
from ocinb.archive.limits import Spending, TarLimits
from ocinb.archive.sparse import SparseMap, Unfolding, map_of, runs
from ocinb.archive.tar_fast_path import WITHOUT_CONTENT, Row, mode_of, read_plain, target_of, time_of
from ocinb.archive.tar_headers import Header, MalformedError, clean_path, header_of
from ocinb.errors import IntegrityError, InvalidError

__all__ = ["Scanner", "TarLimits", "read_entry"]

# Longer ones are counted at once.
_LONG_NAMES: Final = 4096
_DUMP: Final = b"D"
_LABEL: Final = b"V"
_CONTINUED: Final = b"M"
_OLD_SPARSE: Final = b"S"


@dataclass(slots=True)
class _Sparse:
    """A sparse file whose map is not wholly read."""

    header: Header
    size: int
    map: SparseMap


class Scanner:
    """Reads a tar as it comes, in pieces of any size.

    Attributes
    ----------
    seen
        How many bytes were fed so far.
    """

    def __init__(self, limits: TarLimits, where: str) -> None:
        self.seen = 0
        self._limits = limits
        self._where = where
        self._spending = Spending(limits, where)
        self._rows: list[Row] = []  # of the piece that is being read
        self._found = Columns()
        self._count = 0
        self._labels = 0  # which are no entries, but cost as much
        self._over = False
        self._rest = b""  # the beginning of a block that goes on in the next piece
        self._at = 0  # where the header is that was read last
        self._ahead = Ahead()
        self._sparse: _Sparse | None = None
        self._sink: Hash = Nothing()  # what takes the content that is being fed
        self._done: Callable[[bytes], object] = len
        self._left = 0  # content that is to come, and the zeros behind it
        self._gap = 0

    def feed(self, chunk: bytes | memoryview) -> None:
        """Read the next piece."""
        check_stopped()
        view, at = memoryview(chunk), 0
        begin, self.seen = self.seen, self.seen + len(view)
        try:
            while at < len(view) and not self._over:
                at = self._step(view, at, begin)
            self._gather()
        except (MalformedError, InvalidError) as error:
            # Nothing of it is believed; and whoever keeps the error keeps all that it passed through.
            self._rows, self._found = [], Columns()
            if isinstance(error, InvalidError):
                raise
            raise IntegrityError(f"{self._where} is damaged at byte {self._at:,}: {error}") from None

    def _gather(self) -> None:
        """Turn rows into columns, and count what their names take."""
        if self._rows:
            found = Columns(*map(list, zip(*self._rows, strict=True)))
            self._spending.names(found.path)
            self._spending.names([target for target in found.link_target if target])
            self._found.extend(found)
            self._rows.clear()

    def finish(self) -> None:
        """Say that nothing more comes."""
        begun = self._left or self._sparse or self._spending.in_headers
        if not self._over and (begun or self._rest.strip(b"\0")):
            at = self._at if begun else self.seen - len(self._rest)
            raise IntegrityError(f"{self._where} is cut off at byte {self.seen:,}, in the entry at byte {at:,}")

    def take(self) -> Columns:
        """Give the entries that were read to their ends since the last time."""
        taken, self._found = self._found, Columns()
        return taken

    def _hash(self, data: bytes | memoryview = b"") -> Hash:
        """Begin the digest of a regular file."""
        return sha256(data)

    def _step(self, view: memoryview, at: int, begin: int) -> int:
        """Read on from one place, and say where the next thing begins."""
        if self._left or self._gap:
            return self._pour(view, at)
        if not (self._rest or self._sparse or self._spending.in_headers or self._ahead.stays()):
            at = self._pass_plain(view, at, begin)
        return self._take_block(view, at, begin)

    def _pass_plain(self, view: memoryview, at: int, begin: int) -> int:
        """Read the plain entries that come next, and say where something else begins."""
        rows, at = read_plain(view, at, begin, self._count, self._limits.entries - self._labels)
        self._rows += rows
        self._count += len(rows)
        return at

    def _take_block(self, view: memoryview, at: int, begin: int) -> int:
        """Read a block that is a header or of a map, and say where the next thing begins."""
        stop = at + tar_headers.BLOCK - len(self._rest)
        block = self._rest + bytes(view[at:stop])
        if len(block) < tar_headers.BLOCK:
            self._rest = block
            return len(view)
        self._rest = b""
        if self._sparse is not None:
            self._extend_map(self._sparse, block)
            return stop
        self._at = begin + stop - tar_headers.BLOCK
        header = header_of(block)
        if header is None:
            self._over = True
            return stop
        if header.kind in extension_headers.KINDS:
            self._begin_ahead(header)
            return stop
        return self._begin_entry(header, block, view, stop)

    def _begin_ahead(self, header: Header) -> None:
        check_stopped()  # a megabyte of records takes a while
        self._spending.headers(tar_headers.BLOCK + header.size, self._at)
        self._expect(header.size, Gathered(), lambda body: self._ahead.add(header.kind, body))

    def _begin_entry(self, header: Header, block: bytes, view: memoryview, at: int) -> int:
        sparse = self._ahead.apply(header)
        self._spending.in_headers = 0
        self._spending.entry(self._count + self._labels)
        kind = _type_of(header)
        self._labels += kind is None
        if sparse is not None or header.kind == _OLD_SPARSE:
            self._begin_sparse(header, sparse, block)
        elif kind == FILE and header.size <= len(view) - at:
            stop = at + header.size
            self._keep(header, FILE, header.size, self._hash(view[at:stop]).digest(), self._at + tar_headers.BLOCK)
            self._gap = -header.size % tar_headers.BLOCK
            return stop
        elif kind == FILE:
            place = self._at + tar_headers.BLOCK
            self._expect(header.size, self._hash(), lambda digest: self._keep(header, FILE, header.size, digest, place))
        elif header.kind in WITHOUT_CONTENT or header.is_old_directory():
            self._keep(header, kind)
        else:
            self._expect(header.size, Nothing(), lambda _: self._keep(header, kind))
        return at

    def _begin_sparse(self, header: Header, records: SparseRecords | None, block: bytes) -> None:
        size, found = map_of(header, records, block)
        self._spending.sparse_file(size)
        self._sparse = _Sparse(header, size, found)
        self._end_map(self._sparse)

    def _extend_map(self, sparse: _Sparse, block: bytes) -> None:
        self._spending.headers(len(block), self._at)
        sparse.map.extend(block)
        if sparse.map.stored > sparse.header.size:
            raise MalformedError("the map of its holes goes on past its end")
        self._end_map(sparse)

    def _end_map(self, sparse: _Sparse) -> None:
        """Begin the content, if the map is all there."""
        if sparse.map.goes_on:
            return
        self._sparse = None
        self._spending.in_headers = 0
        header, size, stored = sparse.header, sparse.size, sparse.header.size - sparse.map.stored
        places = runs(sparse.map.numbers, size, stored)
        self._spending.holes(size - stored)
        sink = Unfolding(places, size, self._hash())
        self._expect(stored, sink, lambda digest: self._keep(header, FILE, size, digest))

    def _expect(self, size: int, sink: Hash, done: Callable[[bytes], object]) -> None:
        """Say what is to become of the content that comes."""
        self._left, self._gap, self._sink, self._done = size, -size % tar_headers.BLOCK, sink, done
        if not size:
            done(sink.digest())

    def _pour(self, view: memoryview, at: int) -> int:
        """Hand content on, pass over the zeros behind it, and say where the next thing begins."""
        if self._left:
            piece = view[at : at + self._left]
            self._sink.update(piece)
            self._left -= len(piece)
            if not self._left:
                self._done(self._sink.digest())
            return at + len(piece)
        passed = min(self._gap, len(view) - at)
        self._gap -= passed
        return at + passed

    def _keep(
        self, header: Header, kind: str | None, size: int = 0, digest: bytes | None = None, place: int | None = None
    ) -> None:
        """Add an entry to the columns."""
        if kind is None:
            return
        path, target = text_of(clean_path(header.name)), target_of(kind, header.link)
        mode, mtime = mode_of(header.mode), time_of(header.mtime)
        self._rows.append((self._count, path, kind, size, mode, header.uid, header.gid, mtime, target, digest, place))
        self._count += 1
        if len(path) + len(header.link) > _LONG_NAMES:  # a piece of a tar may have thousands of them
            self._gather()


class _Reader(Scanner):
    """Keeps the content of one entry, and nothing else."""

    def __init__(self, position: int, limits: TarLimits, where: str) -> None:
        super().__init__(limits, where)
        self._position = position
        self._content: Gathered | None = None

    def has_passed(self) -> bool:
        """Say whether the entry was read to its end."""
        return self._count > self._position

    def content(self) -> bytes:
        if not self.has_passed():
            raise InvalidError(f"{self._where} has no entry {self._position:,}")
        if self._content is None:
            raise InvalidError(f"the entry {self._position:,} of {self._where} is no regular file")
        return self._content.digest()

    def _pass_plain(self, _view: memoryview, at: int, _begin: int) -> int:
        return at  # those are hashed

    def _hash(self, data: bytes | memoryview = b"") -> Hash:
        if self._count != self._position:
            return Nothing()
        self._content = Gathered(data)
        return self._content

    def _keep(
        self,
        header: Header,  # noqa: ARG002 - it is not kept
        kind: str | None,
        size: int = 0,  # noqa: ARG002
        digest: bytes | None = None,  # noqa: ARG002
        place: int | None = None,  # noqa: ARG002
    ) -> None:
        self._count += kind is not None


def read_entry(chunks: Iterable[bytes], position: int, limits: TarLimits, where: str) -> bytes:
    """Read the content of one entry, holes and all; nothing behind it is read."""
    reader = _Reader(position, limits, where)
    for chunk in chunks:
        reader.feed(chunk)
        if reader.has_passed():
            break
    else:
        reader.finish()
    return reader.content()


def _type_of(header: Header) -> str | None:
    """Say what an entry is; None if it is none."""
    if header.kind in WITHOUT_CONTENT:
        return WITHOUT_CONTENT[header.kind]
    if header.kind == _CONTINUED:
        raise MalformedError("it is the rest of a file from another volume")
    if header.kind == _LABEL:
        return None
    return DIRECTORY if header.kind == _DUMP or header.is_old_directory() else FILE
