"""Heads: what stands before the body of an answer, read whole or refused."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

# The library passes over 100 by itself, as often as it comes.
_INTERIM = frozenset({102, 103})
MAX_INTERIM = 20


class _Lines:
    """The lines before a body, of which none may be missing: the library takes an end of the line for their end.

    A length of which only the first digits came would make a body look whole, or wrong.
    """

    def __init__(self, file: Any) -> None:
        self.file = file
        self._begun = False

    def readline(self, limit: int) -> bytes:
        line: bytes = self.file.readline(limit)
        is_cut = not line.endswith(b"\n") and len(line) < limit
        is_http = self._begun or (line and line[:5] == b"HTTP/"[: len(line)])
        if is_cut and is_http:
            raise http.client.RemoteDisconnected("the connection ended within the headers")
        self._begun = True
        return line

    def close(self) -> None:
        self.file.close()


class Head(http.client.HTTPResponse):
    """Passes over what comes before an answer, such as early hints, but not for ever; has one length or none."""

    _left = MAX_INTERIM

    def begin(self) -> None:
        """Read up to the body.

        Raises
        ------
        http.client.HTTPException
            If the connection ends before, or two lengths are said.
        """
        self.fp: Any
        lines = self.fp = _Lines(self.fp)
        try:
            super().begin()
        finally:
            if self.fp is lines:  # an answer without a body has been closed by now
                self.fp = lines.file
        lengths = self.headers.get_all("content-length", ())
        # Two who read it may see two answers; the library would find out too late to close what it opened.
        if len(lengths) > 1 and len(set(",".join(lengths).replace(" ", "").split(","))) > 1:
            raise http.client.HTTPException("it has several lengths")

    def _read_status(self) -> tuple[Any, int, str]:
        read: Callable[[], tuple[Any, int, str]] = super()._read_status  # type: ignore[misc] # the library hides it
        version, status, reason = read()
        while status in _INTERIM and self._left:
            http.client.parse_headers(self.fp)
            self._left -= 1
            version, status, reason = read()
        self._left -= 1
        if self._left < 0:
            raise http.client.HTTPException("too much comes before it")
        return version, status, reason
