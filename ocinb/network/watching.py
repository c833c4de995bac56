"""Watching: an exchange from its first byte to its last, for those who observe; where nobody does, nothing is done."""

from __future__ import annotations

import time

import requests

from ocinb.network.addresses import safe_url
from ocinb.network.exchange import Exchange, tell
from ocinb.network.masking import masked, token_claims

NOT_MODIFIED = 304


class Watch:
    """One exchange that somebody observes.

    Parameters
    ----------
    request
        What is sent.
    reason
        Why.
    """

    def __init__(self, request: requests.PreparedRequest, reason: str) -> None:
        self._request = request
        self._reason = reason
        self._began = time.perf_counter()

    def over(self, response: requests.Response | None, body: bytes = b"", *, from_cache: bool = False) -> None:
        """Tell what came of it: an answer as far as it was read, or none."""
        status = None if response is None else response.status_code
        tell(
            Exchange(
                method=self._request.method or "",
                url=safe_url(self._request.url or ""),
                status=status,
                from_cache=from_cache or status == NOT_MODIFIED,
                transferred_bytes=0 if from_cache or response is None else _transferred(response, body),
                seconds=time.perf_counter() - self._began,
                reason=self._reason,
                request_headers=masked(self._request.headers),
                response_headers={} if response is None else masked(response.headers),
                token_claims=token_claims(body) if self._reason.startswith("token") else None,
            )
        )


def finish(response: requests.Response) -> None:
    """Close an answer, and tell those who observe of it, if it came as a stream and so was not told before."""
    response.close()
    watch: Watch | None = getattr(response, "watch", None)
    if watch is not None:
        watch.over(response)


def _transferred(response: requests.Response, body: bytes) -> int:
    """Count the bytes of a body that came; a chunked one counts as it is without the frame of its chunks."""
    return len(body) or int(response.raw.tell())
