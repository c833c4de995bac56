"""Sparse files: where their content stands in the tar, and the holes between.

Source: GNU tar manual, "Storing Sparse Files" (old GNU, 0.0, 0.1, 1.0).

Where readers differ: runs in no order or over each other, and content that no run names, are refused, as Go does; GNU
tar writes them one over the other. Runs stand one behind the other without a gap, as Go and tarfile have it; GNU tar
begins each with a block, which is the same for all that it writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ocinb._pool import check_stopped
from ocinb.archive.byte_stream import Hash
from ocinb.archive.extension_headers import SparseRecords, whole_number
from ocinb.archive.tar_headers import BLOCK, OLD_GNU, REGULAR_KINDS, Header, MalformedError, size_of

_PLACE = 24  # bytes of an offset and a length in an old GNU header
_IN_HEADER: Final = slice(386, 482)
_GOES_ON: Final = 482
_REAL_SIZE: Final = slice(483, 495)
_IN_EXTENSION: Final = slice(0, 504)
_EXTENSION_GOES_ON: Final = 504
_HOLE: Final = memoryview(bytes(1024 * 1024))


class SparseMap:
    """Where the content of a sparse file is: offsets and lengths by turns.

    Attributes
    ----------
    numbers
        What is known of it.
    goes_on
        Whether the next block belongs to it.
    stored
        How many bytes of what the tar keeps as content it took itself.
    """

    def __init__(self, numbers: list[int], *, goes_on: bool = False) -> None:
        self.numbers = numbers
        self.goes_on = goes_on
        self.stored = 0

    def extend(self, block: bytes) -> None:
        """Read one more block; in old GNU headers each says whether there is another."""
        self.numbers += _old_numbers(block[_IN_EXTENSION])
        self.goes_on = block[_EXTENSION_GOES_ON] != 0


class _WrittenMap(SparseMap):
    """The map of version 1.0, lines of digits before the content: how many runs, then where each is and how long."""

    def __init__(self) -> None:
        super().__init__([], goes_on=True)
        self._wanted: int | None = None
        self._line = b""

    def extend(self, block: bytes) -> None:
        """Read one more block."""
        self.stored += len(block)
        *lines, self._line = (self._line + block).split(b"\n")
        for line in lines:
            if self._wanted is None:
                self._wanted = 2 * whole_number(line)
            elif len(self.numbers) < self._wanted:
                self.numbers.append(whole_number(line))
        self.goes_on = len(self.numbers) != self._wanted
        if self.goes_on and len(self._line) > BLOCK:
            raise MalformedError("a number in the map of its holes has no end")


def map_of(header: Header, records: SparseRecords | None, block: bytes) -> tuple[int, SparseMap]:
    """Give how large a sparse file is, holes and all, and what its headers say of its map."""
    if records is None:
        if header.magic != OLD_GNU:
            raise MalformedError("it is an old sparse file, but no header of GNU tar")
        return size_of(block[_REAL_SIZE]), SparseMap(_old_numbers(block[_IN_HEADER]), goes_on=block[_GOES_ON] != 0)
    said = records.whole_size()
    size = header.size if said is None else said
    if header.kind not in REGULAR_KINDS or header.is_old_directory():
        raise MalformedError("it has holes, but is no regular file")
    version = (records.major or 0, records.minor or 0)
    if version == (1, 0):
        return size, _WrittenMap()
    if version not in {(0, 0), (0, 1)} or 2 * (records.blocks or 0) != len(records.numbers):
        raise MalformedError("the map of its holes is of no known version, or not as long as it says")
    return size, SparseMap(records.numbers)


def runs(numbers: Sequence[int], size: int, stored: int) -> list[tuple[int, int]]:
    """Give where in a file its runs begin and how long they are."""
    if len(numbers) % 2:
        raise MalformedError("the map of its holes ends in the middle")
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    end = 0
    for begin, length in pairs:
        if begin < end:
            raise MalformedError("the map of its holes is in no order")
        end = begin + length
    if end > size or sum(length for _, length in pairs) != stored:
        raise MalformedError("the map of its holes does not fit its size")
    return pairs


class Unfolding:
    """Content as it is stored goes in, and holes and all it goes on into a hash."""

    def __init__(self, places: list[tuple[int, int]], size: int, into: Hash) -> None:
        self._places = [place for place in places if place[1]]
        self._places.reverse()
        self._size = size
        self._into = into
        self._at = 0
        self._left = 0  # of the run that is being fed

    def update(self, data: bytes | memoryview) -> None:
        """Take the next stored bytes."""
        view = memoryview(data)
        while view:
            if not self._left:
                begin, self._left = self._places.pop()
                self._skip_to(begin)
            piece, view = view[: self._left], view[self._left :]
            self._into.update(piece)
            self._left -= len(piece)
            self._at += len(piece)

    def digest(self) -> bytes:
        """Give what all of it comes to."""
        self._skip_to(self._size)
        return self._into.digest()

    def _skip_to(self, place: int) -> None:
        while self._at < place:
            hole = _HOLE[: place - self._at]
            check_stopped()
            self._into.update(hole)
            self._at += len(hole)


def _old_numbers(raw: bytes) -> list[int]:
    found = []
    for at in range(0, len(raw), _PLACE):
        if not raw[at]:  # that ends them; GNU tar 1.34 looks at the length, which no writer leaves without the other
            break
        found += [size_of(raw[at : at + 12]), size_of(raw[at + 12 : at + _PLACE])]
    return found
