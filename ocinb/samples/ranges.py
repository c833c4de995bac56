"""Byte ranges: which part of a blob a `Range` header asks for.

Source: RFC 9110, section 14.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ocinb.samples.exchange import Answer

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from ``start`` up to, but not including, ``stop``; an empty span cannot be satisfied."""

    start: int
    stop: int


def parse_range(header: str | None, size: int) -> Span | None:
    """Read a ``Range`` header for so many bytes.

    Parameters
    ----------
    header
        The header, or None if there is none.
    size
        Length of the whole.

    Returns
    -------
    Span or None
        None if everything is to be sent: without a header, with one that makes no sense, and for several ranges.

    Examples
    --------
    >>> parse_range("bytes=2-4", 10), parse_range("bytes=-3", 10), parse_range("bytes=10-", 10)
    (Span(start=2, stop=5), Span(start=7, stop=10), Span(start=10, stop=10))
    """
    match = _RANGE.fullmatch((header or "").replace(" ", ""))
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return Span(max(size - int(last), 0), size)
    if last and int(last) < int(first):
        return None
    start = min(int(first), size)
    return Span(start, min(int(last) + 1, size) if last else size)


def cut_range(whole: Answer, header: str | None) -> Answer:
    """Cut a full answer down to what a ``Range`` header asks for."""
    size = len(whole.body)
    span = parse_range(header, size)
    if span is None:
        return whole
    if span.start >= span.stop:
        return Answer(416, {"Content-Range": f"bytes */{size}"})
    part = {"Content-Range": f"bytes {span.start}-{span.stop - 1}/{size}"}
    return Answer(206, {**whole.headers, **part}, whole.body[span.start : span.stop])
