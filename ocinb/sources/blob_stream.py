"""Blobs on their way: bytes as they arrive, or as a document embeds them, and where in the blob they begin.

Source: RFC 9110, 14.4 ("Content-Range") and 15.3.7 ("206 Partial Content").
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ocinb.errors import IntegrityError
from ocinb.network.addresses import safe_url
from ocinb.network.connections import Stream, reading
from ocinb.network.status_errors import RangeError
from ocinb.spec.documents import Descriptor

PARTIAL = 206  # HTTP: a part, and not the whole

# No number that can be the size of anything has more digits, and Python refuses to read one of thousands.
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_CONTENT_RANGE = re.compile(rf"bytes ({_NUMBER.pattern})-({_NUMBER.pattern})/({_NUMBER.pattern}|\*)", re.ASCII)


class ArrivingBlob:
    """A blob, or a part of it, as a registry sends it.

    Raises
    ------
    RangeError
        If another part came than the one that was asked for.
    IntegrityError
        If the blob is known to be of another size, before a byte of it was read.
    """

    def __init__(self, stream: Stream, asked: int, descriptor: Descriptor) -> None:
        with reading(stream):
            self.offset = _offset(stream, asked, descriptor)
        self.size = _said_size(stream)
        self._stream = stream

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes in chunks."""
        return self._stream.chunks()


class EmbeddedBlob:
    """A blob that stands in the document that names it."""

    def __init__(self, data: bytes, offset: int, length: int | None) -> None:
        self.offset = offset
        self.size: int | None = len(data)
        self._data = data[offset:][:length]

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes at once."""
        yield self._data


def _offset(stream: Stream, asked: int, descriptor: Descriptor) -> int:
    if stream.status != PARTIAL:  # the registry gives no parts, but the whole
        _check_size(stream, stream.headers.get("content-length", ""), descriptor)
        return 0
    said = stream.headers.get("content-range", "nothing")
    match = _CONTENT_RANGE.fullmatch(said)
    if match is None or int(match[1]) != asked:
        size = "an unknown number" if descriptor.known_size is None else f"{descriptor.size:,}"
        raise RangeError(f"bytes from {asked:,} of {size} were asked for, and {said!r} came", url=safe_url(stream.url))
    _check_size(stream, match[3], descriptor)
    return asked


def _said_size(stream: Stream) -> int | None:
    """Give the size of the whole blob, if the answer says it."""
    part = _CONTENT_RANGE.fullmatch(stream.headers.get("content-range", "")) if stream.status == PARTIAL else None
    said = stream.headers.get("content-length", "") if part is None else part[3]
    return int(said) if _NUMBER.fullmatch(said) else None


def _check_size(stream: Stream, said: str, descriptor: Descriptor) -> None:
    """Refuse a blob whose size is known to be wrong; a size may also not be said."""
    if _NUMBER.fullmatch(said) and descriptor.known_size not in {None, int(said)}:
        encoding = stream.headers.get("content-encoding", "identity").lower()
        changed = f"It came as {encoding}, which nobody asked for; does something on the way change it?"
        raise IntegrityError(
            f"{descriptor.digest} has to be {descriptor.size:,} bytes long, not {int(said):,}",
            url=safe_url(stream.url),
            hint=None if encoding == "identity" else changed,
        )
