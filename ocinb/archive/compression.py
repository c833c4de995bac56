"""Compression: bytes in, plain bytes out, by whatever and in however many parts they were compressed.

Media types lie, so the first bytes decide. The libraries stop after the first member of a gzip, or frame of a zstd,
without a word; here all are read, to the last byte, and what stands behind them is damage.
"""

from __future__ import annotations

import bz2
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Protocol, cast

from ocinb._settings import MIB, Settings
from ocinb.archive.byte_stream import Stream
from ocinb.errors import IntegrityError, InvalidError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

try:
    from isal import igzip_lib
except ImportError:  # a machine for which nobody built it: the standard library does the same, at half the speed
    igzip_lib = None  # type: ignore[assignment]

# So many first bytes tell how something is compressed.
MAGIC_BYTES = 8

# So much of anything is unpacked whatever it was before: an archive of zeros is no attack yet.
HARMLESS_BYTES = 64 * MIB

# A library gives up what follows a member as a copy, and zlib also what did not come out yet. So that thousands of
# small members do not copy it all each time, each begins with a small piece; later ones are large, as hand-overs cost.
FIRST_PIECE = 16 * 1024
LARGEST_PIECE = 1 * MIB

# One step gives no more, whatever becomes of a piece; what is given out is no less, but at the end.
LARGEST_CHUNK = 4 * MIB
SMALLEST_CHUNK = 256 * 1024

# So many more members may give nothing than there were others: each takes time, and they cost a few bytes. Writers of
# today put one at the end, or before each that gives something.
MOST_EMPTY_MEMBERS = 10_000

# A gzip's header without further fields (RFC 1952, 2.3).
_HEADER_BYTES = 10
_NAMED = 8  # its fourth byte, if a name is the only one

# The header of a frame to skip (RFC 8878, 3.1.2), and where in it the size of the rest stands.
_SKIPPED_HEADER = 8
_SKIPPED_SIZE = slice(4, 8)

# How the libraries say that a limit on their memory was passed; they raise the same for damage.
_MEMORY = ("requires too much memory", "Memory usage limit exceeded")


class _Decoder(Protocol):
    """One member of a gzip, or frame of a zstd, or stream of the others, as the libraries unpack it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes | memoryview, /, max_length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may become of a stranger's bytes.

    Attributes
    ----------
    unpacked_bytes
        How many there may be: ``settings.max_unpacked_bytes``.
    ratio
        How many times as many: ``settings.max_unpacked_ratio``; 64 MiB are harmless whatever the ratio.
    window_bytes
        How much memory zstd and xz may take to look back: ``settings.max_window_bytes``. Of zstd, whose windows are
        mostly powers of two, it is the next lower one.
    """

    unpacked_bytes: int
    ratio: int
    window_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Take those that people set."""
        return cls(settings.max_unpacked_bytes, settings.max_unpacked_ratio, settings.max_window_bytes)


def compression_of(beginning: bytes) -> str:
    r"""Say by its first bytes how something is compressed: gzip, zstd, bzip2, xz or none.

    >>> compression_of(b"\x1f\x8b\x08\x00\x00\x00\x00\x00")
    'gzip'
    >>> compression_of(b"etc/host"), compression_of(b"")
    ('none', 'none')
    """
    return next((name for name, format_ in _FORMATS.items() if format_.magic.match(beginning)), "none")


def decompressed(chunks: Iterable[bytes], limits: Limits, where: str, *, size: int | None = None) -> Iterator[bytes]:
    """Unpack what came, in chunks of 256 KiB to some 4 MiB; what is not compressed is given as it came."""
    rest = iter(chunks)
    head = _head(rest)
    compression = compression_of(b"".join(head))
    stream = Stream(chain(head, rest))
    if compression == "none":
        yield from stream.chunks()
        return
    unpacked = 0
    for plain in _gathered(_members(stream, compression, limits, where)):
        unpacked += len(plain)
        _check_size(unpacked, size or stream.offset, limits, where)
        yield plain


def _head(chunks: Iterator[bytes]) -> list[bytes]:
    head, length = [], 0
    for chunk in chunks:
        head.append(chunk)
        length += len(chunk)
        if length >= MAGIC_BYTES:
            break
    return head


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces, as many small members give them; a large one is not copied."""
    held, length = list[bytes](), 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= SMALLEST_CHUNK:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)


def _members(stream: Stream, compression: str, limits: Limits, where: str) -> Iterator[bytes]:
    goes_on, empty = True, 0
    while goes_on:
        is_empty = True
        for plain in _member(stream, compression, limits, where):
            is_empty = False
            yield plain
        empty = empty + 1 if is_empty else max(0, empty - 1)
        if empty > MOST_EMPTY_MEMBERS:
            raise InvalidError(
                f"{where} has, up to byte {stream.offset:,}, {empty:,} parts of {compression} without content beyond "
                f"those with some, more than MOST_EMPTY_MEMBERS = {MOST_EMPTY_MEMBERS:,}"
            )
        goes_on = _goes_on(stream, compression, where)


def _member(stream: Stream, compression: str, limits: Limits, where: str) -> Iterator[bytes]:
    beginning, format_ = stream.peek(), _FORMATS[compression]
    if format_.skipped and format_.skipped.match(beginning):
        _skip(stream, beginning, compression, where)
        return
    decoder = format_.decoder(beginning, limits)
    most = FIRST_PIECE
    while not decoder.eof:
        piece = stream.take(most) if decoder.needs_input else b""
        if decoder.needs_input and not piece:
            raise _cut_off(stream, compression, where)
        most = min(most * 2, LARGEST_PIECE)
        try:
            plain = decoder.decompress(piece, max_length=LARGEST_CHUNK)
        except _failures() as error:
            raise _refused(error, compression, limits, where) from None
        if plain:
            yield plain
    stream.give_back(decoder.unused_data)


def _skip(stream: Stream, beginning: bytes, compression: str, where: str) -> None:
    """Pass over a frame that says how long it is, for which the library would need as long as for any."""
    left = _SKIPPED_HEADER + int.from_bytes(beginning[_SKIPPED_SIZE], "little")
    while left:
        piece = stream.take(min(left, LARGEST_PIECE))
        if not piece:
            raise _cut_off(stream, compression, where)
        left -= len(piece)


def _cut_off(stream: Stream, compression: str, where: str) -> IntegrityError:
    return IntegrityError(f"{where} is cut off: its {compression} has no end at byte {stream.offset:,}")


def _goes_on(stream: Stream, compression: str, where: str) -> bool:
    """Say whether another member follows, or nothing; padding is passed over."""
    end, format_ = stream.offset, _FORMATS[compression]
    beginning = stream.peek()
    zeros = stream.skip_zeros() if format_.padding and beginning.startswith(b"\0") else 0
    if zeros:
        beginning = stream.peek()
    whole = not zeros or zeros % format_.padding == 0
    if whole and not beginning:
        return False
    if whole and format_.magic.match(beginning) and (format_.resumes or not zeros):
        return True
    raise IntegrityError(f"{where} is damaged: its {compression} ends at byte {end:,}, and something else follows")


def _check_size(unpacked: int, packed: int, limits: Limits, where: str) -> None:
    passed = None
    if unpacked > limits.unpacked_bytes:
        passed = f"max_unpacked_bytes = {limits.unpacked_bytes:,}"
    elif unpacked > max(HARMLESS_BYTES, limits.ratio * packed):
        passed = f"max_unpacked_ratio = {limits.ratio:,}"
    if passed:
        hint = "Set more in ocinb.settings if you trust it, or unpack it yourself"
        raise InvalidError(f"{where} is too large when it is unpacked: {passed}", hint=hint)


def _failures() -> tuple[type[Exception], ...]:
    """Give what the libraries raise; bz2 has OSError for damage."""
    failures = (zlib.error, zstd.ZstdError, lzma.LZMAError, OSError)
    # Its types call this class an exception.
    return failures if igzip_lib is None else (*failures, cast("type[Exception]", igzip_lib.IsalError))


def _refused(error: Exception, compression: str, limits: Limits, where: str) -> InvalidError | IntegrityError:
    if any(words in str(error) for words in _MEMORY):
        return InvalidError(
            f"{where} needs more memory to be unpacked by {compression} than "
            f"max_window_bytes = {limits.window_bytes:,}",
            hint="Set more in ocinb.settings if you trust it",
        )
    return IntegrityError(f"{where} is damaged: {compression} says {error}")


class _Inflater:
    """The standard library's zlib for a member of a gzip, with the manners of the other libraries."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes | memoryview, /, max_length: int) -> bytes:
        plain = self._inflate.decompress(data or self._inflate.unconsumed_tail, max_length)
        self.needs_input = len(plain) < max_length
        return plain


def _gzip(beginning: bytes, _limits: Limits) -> _Decoder:
    # ISA-L wants a header in one piece: of one that comes in two it forgets what it knew, as its authors say too (seen
    # with 2.32). It also takes marks that no standard knows. Nearly all headers are plain, or have a name.
    if igzip_lib is None or not _plain_header(beginning):
        return _Inflater()
    return igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)


def _plain_header(beginning: bytes) -> bool:
    fixed, further = beginning[:_HEADER_BYTES], beginning[_HEADER_BYTES:]
    return len(fixed) == _HEADER_BYTES and (fixed[3] == 0 or (fixed[3] == _NAMED and b"\0" in further))


def _zstd(_beginning: bytes, limits: Limits) -> _Decoder:
    parameter = zstd.DecompressionParameter.window_log_max
    least, most = parameter.bounds()
    exponent = limits.window_bytes.bit_length() - 1
    return zstd.ZstdDecompressor(options={parameter: max(least, min(exponent, most))})


def _bzip2(_beginning: bytes, _limits: Limits) -> _Decoder:
    return bz2.BZ2Decompressor()


def _xz(_beginning: bytes, limits: Limits) -> _Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=limits.window_bytes)


@dataclass(frozen=True, slots=True)
class _Format:
    """How one compression begins and goes on.

    Attributes
    ----------
    magic
        What a member begins with.
    decoder
        What unpacks one that begins with some bytes.
    padding
        By how many zeros go that may follow; 0 for none.
    resumes
        Whether another member may follow them.
    skipped
        What a member begins with that is to be passed over; None if there are none.
    """

    magic: re.Pattern[bytes]
    decoder: Callable[[bytes, Limits], _Decoder]
    padding: int = 0
    resumes: bool = False
    skipped: re.Pattern[bytes] | None = None


_FORMATS = {
    "gzip": _Format(re.compile(rb"\x1f\x8b"), _gzip, padding=1),
    # Or a frame to skip, with which pzstd begins, and zstd:chunked ends.
    "zstd": _Format(
        re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
        _zstd,
        skipped=re.compile(rb"[\x50-\x5f]\x2a\x4d\x18"),
    ),
    # With the beginning of a block, or the end: a tar may begin with a name like BZh.
    "bzip2": _Format(re.compile(rb"BZh[1-9](?:1AY&|\x17rE8)"), _bzip2),
    "xz": _Format(re.compile(rb"\xfd7zXZ\x00"), _xz, padding=4, resumes=True),
}
