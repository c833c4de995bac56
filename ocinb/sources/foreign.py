"""Foreign layers: blobs that a document says to be somewhere else than in its registry.

A stranger wrote the address. Nobody's credentials go there, only TLS does, and it may lead no further in than the
registry itself could. Source: image-spec, "Descriptors", on ``urls``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from ocinb.errors import NotFoundError, OcinbError
from ocinb.network.addresses import followed, is_loopback, safe_url
from ocinb.network.redirects import AstrayError
from ocinb.network.response import GOOD, Answer, Stream
from ocinb.network.session import Http
from ocinb.network.status_errors import refusal

MAX_URLS = 10


@contextmanager
def open_foreign(
    http: Http, base: str, urls: Iterable[str], headers: Mapping[str, str], *, limit: int
) -> Iterator[Stream]:
    """Open a body at the first of some addresses that gives it.

    Parameters
    ----------
    http
        Who asks.
    base
        The registry whose document names them.
    urls, headers
        Where to ask, and with what.
    limit
        The largest error that is read, in bytes.

    Raises
    ------
    OcinbError
        If none gives it; the error of the last one.
    """
    last: OcinbError = NotFoundError("there is no address to ask")
    for url in list(urls)[:MAX_URLS]:
        with ExitStack() as stack:
            try:
                opened = http.stream(checked(url, base), headers, led_by=base, reason="foreign blob")
                stream = stack.enter_context(opened)
                if stream.status not in GOOD:
                    raise refusal(_host(url), Answer(stream.status, stream.headers, stream.read(limit), stream.url))
            except OcinbError as error:
                last = error
                continue
            yield stream
            return
    raise last


def checked(url: str, base: str) -> str:
    """Give an address as it is asked, if it is one that a document of a registry may name.

    Raises
    ------
    AstrayError
        If it is neither https nor plain http from this machine to this machine.
    """
    target = followed(base, url)
    both_here = is_loopback(urlsplit(target).hostname) and is_loopback(urlsplit(base).hostname)
    if urlsplit(target).scheme != "https" and not (target.startswith("http://") and both_here):
        what = f"a foreign layer is fetched over https only, not from {safe_url(target)}"
        raise AstrayError(what, url=safe_url(base))
    return target


def _host(url: str) -> str:
    return urlsplit(url).netloc
