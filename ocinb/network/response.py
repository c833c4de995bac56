"""Answers: what a server said, whole or as it arrives, without a library's own classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests
import urllib3

from ocinb._pool import check_stopped, woken_by
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.network.addresses import safe_url
from ocinb.network.connection_errors import broke
from ocinb.network.connections import CHUNK, read_upto
from ocinb.spec import mediatypes


def nothing_kept() -> None:
    """Do nothing: there is no answer to be forgotten."""


# The whole of what was asked for, or a part that was.
GOOD = frozenset({200, 206})


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers (their names in lower case) and a whole body.

    It does not show what it has: the body of a token service is a token, and a signed address opens a door.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)
    from_cache: bool = False
    kept_at: float = 0.0  # if it was kept: when it came or was confirmed, in seconds since 1970
    forget: Callable[[], None] = field(default=nothing_kept, repr=False, compare=False)  # if it proves wrong


class Stream:
    """The body of an answer, as it arrives."""

    forget = staticmethod(nothing_kept)

    def __init__(self, response: requests.Response, url: str) -> None:
        self.status = response.status_code
        self.headers = headers_of(response)
        self.url = url
        self._response = response

    def chunks(self) -> Iterator[bytes]:
        """Give the body in chunks of at most one MiB, each as soon as it is there.

        Raises
        ------
        TransportError
            If it breaks off.
        """
        raw = self._response.raw
        try:
            with woken_by(raw.shutdown):
                # Not read(): it waits for a whole chunk, and loses what it has if the connection breaks.
                while chunk := raw.read1(CHUNK, decode_content=False):
                    check_stopped()
                    yield chunk
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            check_stopped()
            raise broke(error, self.url) from None

    def read(self, limit: int) -> bytes:
        """Read the body, or so much of a longer one that it is longer than the limit."""
        return read_upto(self.chunks(), limit)


def headers_of(response: requests.Response) -> dict[str, str]:
    """Give the headers of an answer, their names in lower case."""
    return {name.lower(): value for name, value in response.headers.items()}


@contextmanager
def reading(answer: Answer | Stream) -> Iterator[None]:
    """Read an answer: an error in this block says where the bytes came from, and the answer is no longer kept."""
    try:
        yield
    except (IntegrityError, InvalidError, TransportError) as error:
        error.url = error.url or safe_url(answer.url)
        if mediatypes.bare(answer.headers.get("content-type")) == "text/html":
            error.hint = "A web page came; is this the name of a registry, and does something stand between?"
        elif isinstance(error, IntegrityError):
            error.hint = error.hint or "It was damaged there or on the way, and is not kept; try again"
        answer.forget()
        raise
