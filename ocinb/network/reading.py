"""Reading: what an answer says is checked after it came, and one that proves wrong is not believed a second time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.network.addresses import safe_url
from ocinb.network.answers import Answer, Stream
from ocinb.spec import mediatypes


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
