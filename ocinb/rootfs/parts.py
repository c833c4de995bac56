"""Parts of a blob: a run of bytes out of its middle, by one request, where the other side gives such."""

from __future__ import annotations

from collections.abc import Iterable

from ocinb._pool import pause
from ocinb._settings import Settings
from ocinb.errors import IntegrityError, TransportError
from ocinb.network.retry import Attempts
from ocinb.sources.base import Source
from ocinb.spec.documents import Descriptor


def read_part(source: Source, blob: Descriptor, offset: int, length: int, settings: Settings) -> bytes | None:
    """Read some bytes of a blob, which are not verified.

    Returns
    -------
    bytes or None
        None if the whole blob came where a part was asked for; nothing of it is read then.

    Raises
    ------
    RangeError
        If the other side does not have that part, or gave another one.
    IntegrityError
        If the blob ends before the part does.
    """
    attempts = Attempts(settings, "GET")
    while True:
        try:
            with source.open_blob(blob, offset, length) as stream:
                if stream.offset != offset:
                    return None
                return _exactly(stream.chunks(), length, blob)
        except TransportError as error:
            # What could not even be opened was asked for again already.
            seconds = attempts.after_failure(error) if error.resumable else None
            if seconds is None:
                raise
        pause(seconds)


def _exactly(chunks: Iterable[bytes], length: int, blob: Descriptor) -> bytes:
    """Take so many bytes, and not one more: who ignores a range of the beginning sends the whole."""
    taken = bytearray()
    for chunk in chunks:
        taken += chunk[: length - len(taken)]
        if len(taken) == length:
            return bytes(taken)
    if len(taken) < length:
        raise IntegrityError(f"{blob.digest} ended {length - len(taken):,} bytes early")
    return bytes(taken)
