"""Traces: what went over the wire while a block ran, as a frame, and as a window in which people learn and debug."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from ocinb._arguments import suggesting
from ocinb.errors import InvalidError
from ocinb.frames import schemas
from ocinb.network.exchange import Exchange, observed_by
from ocinb.notebook.trace.window import Step, lines, window
from ocinb.sources.session import fresh_session

if TYPE_CHECKING:
    import pandas as pd


_NOTHING = "nothing was asked, or all of it was in the store; ocinb.trace(fresh=True) shows the way anew"


class Trace:
    """The exchanges of one ``with`` block, also those in threads that ocinb starts for it.

    Made by :func:`ocinb.trace`, which describes the parameters. A notebook shows it as a table in which each exchange
    can be opened; a terminal as one line for each.
    """

    def __init__(self, *, fresh: bool) -> None:
        self._fresh = fresh
        self._steps: list[Step] = []
        self._lock = threading.Lock()
        self._block = ExitStack()
        self._began: float | None = None
        self._is_over = False

    def __enter__(self) -> Self:
        """Begin to watch."""
        with self._lock:
            if self._began is not None:
                raise InvalidError("a trace is of one block", hint="Make another one by ocinb.trace()")
            self._began = time.monotonic()
        if self._fresh:
            self._block.enter_context(fresh_session())
        self._block.enter_context(observed_by(self._hear))
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._block.close()

    @property
    def frame(self) -> pd.DataFrame:
        """What went over the wire so far, in the order in which it began.

        One row per HTTP exchange: method, url, status (NA: no answer came), from_cache, transferred_bytes (bytes of the
        body), seconds, reason (why it was asked), request_headers, response_headers, token_claims (dicts). No secret
        is in it.
        """
        return schemas.TRACE.frame(_row(step.exchange) for step in self._in_order())

    def __len__(self) -> int:
        return len(self._steps)

    def __repr__(self) -> str:
        return lines(self._in_order(), self._state())

    def _repr_html_(self) -> str:
        return window(self._in_order(), self._state())

    def _hear(self, exchange: Exchange) -> None:
        began = self._began or 0.0
        step = Step(exchange, max(0.0, time.monotonic() - exchange.seconds - began))
        with self._lock:
            self._steps.append(step)

    def _in_order(self) -> list[Step]:
        with self._lock:
            return sorted(self._steps, key=lambda step: step.started)

    def _state(self) -> str:
        if self._began is None:
            return "nothing was watched yet: use it in a with block"
        if self._steps or not self._is_over:
            return "" if self._is_over else "the block is still running"
        return "nothing was asked" if self._fresh else _NOTHING


@suggesting
def trace(*, fresh: bool = False) -> Trace:
    """Watch what goes over the wire while a block runs.

    Parameters
    ----------
    fresh
        Whether the block begins with nothing, no document, no answer, no token, so that the whole way is seen: the
        401, the challenge, the token. What it learns serves the block itself and is thrown away at its end; also what
        is pulled without a ``destination``.

    Returns
    -------
    Trace
        For one ``with`` block; its ``frame`` has one row per HTTP exchange: method, url, status, from_cache,
        transferred_bytes (bytes), seconds, reason, request_headers, response_headers, token_claims. It can be looked
        at while the block runs, and after it, also if that failed.

    Raises
    ------
    InvalidError
        When one trace is used for a second block.

    Notes
    -----
    Secrets are masked before they get here: of a token only its claims are shown, never its signature.
    Threads that were started by hand do not belong to the block, unless they run in a copy of its context.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry(token=True) as registry, ocinb.trace(fresh=True) as trace:
    ...     digest = ocinb.document(registry.reference("demo/hello")).digest
    >>> trace.frame["status"].tolist()
    [401, 200, 200]
    """
    return Trace(fresh=fresh)


def _row(exchange: Exchange) -> dict[str, Any]:
    row = asdict(exchange)
    for name in ("request_headers", "response_headers", "token_claims"):
        row[name] = None if row[name] is None else dict(row[name])
    return row
