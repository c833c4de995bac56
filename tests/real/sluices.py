"""A line that counts what passes: blobs byte by byte, slowly if wanted, and no more of them than were let through."""

from __future__ import annotations

import math
import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

from tests.real.relays import Relay

_PIECE = 8 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_BLOB = b"\r\ncontent-type: application/octet-stream\r\n"


class Sluice:
    """What is made of the answers of a registry, all connections together.

    Attributes
    ----------
    passed
        The bytes of blobs that passed since the last `hang_up`; heads, manifests and errors are not counted.
    limit
        How many may pass; whatever comes then waits.
    pause
        The seconds between two pieces of one connection.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.limit: float = math.inf
        self.pause = 0.0
        self._connected = 0  # counts the times that all hung up
        self._change = threading.Condition()
        self._entrance = threading.Lock()
        self._callers: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def let_pass(self, limit: float) -> None:
        """Set how many bytes of blobs may pass in all."""
        with self._change:
            self.limit = limit
            self._change.notify_all()

    def hang_up(self, *, limit: float = math.inf) -> int:
        """End all connections, also those that nobody has answered yet, count anew, and tell what was counted."""
        with self._entrance, self._change:
            for caller in self._waiting():
                caller.close()
            passed, self.passed, self.limit = self.passed, 0, limit
            self._connected += 1
            self._change.notify_all()
            return passed

    @contextmanager
    def serve(self, upstream: str) -> Iterator[Relay]:
        """Take calls for a registry in this block."""
        over = threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as self._server:
            self._server.settimeout(0)
            relay = Relay(f"127.0.0.1:{self._server.getsockname()[1]}", upstream)
            answering = threading.Thread(target=self._answer, args=(relay, over))
            answering.start()
            try:
                yield relay
            finally:
                over.set()
                answering.join()
                self.hang_up()  # who waits for more would wait for ever
                for caller in self._callers:
                    with suppress(OSError):
                        caller.shutdown(socket.SHUT_RDWR)
                for thread in self._threads:
                    thread.join()

    def _answer(self, relay: Relay, over: threading.Event) -> None:
        while not over.is_set():
            select.select([self._server], [], [], 0.02)
            with self._entrance:
                for caller in self._waiting():
                    caller.settimeout(None)
                    made = replace(relay, change=partial(self._passed_on, self._connected))
                    self._callers.append(caller)
                    self._threads.append(threading.Thread(target=made.talk, args=(caller,)))
                    self._threads[-1].start()

    def _waiting(self) -> Iterator[socket.socket]:
        with suppress(BlockingIOError):
            while True:
                yield self._server.accept()[0]

    def _passed_on(self, connected: int, _: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass on what a registry says over one connection."""
        head, body, counts = b"", 0, False
        for chunk in chunks:
            rest = chunk
            while rest:
                if body:
                    piece, rest = rest[: min(body, _PIECE)], rest[min(body, _PIECE) :]
                    body -= len(piece)
                    yield from self._admitted(piece, connected) if counts else (piece,)
                    if connected != self._connected:
                        return
                    continue
                head, end, rest = (head + rest).partition(b"\r\n\r\n")
                if end:
                    yield head + end
                    length = _LENGTH.search(head + b"\r\n")
                    body, counts = int(length[1]) if length else 0, _BLOB in (head + b"\r\n").lower()
                    head = b""

    def _admitted(self, piece: bytes, connected: int) -> Iterator[bytes]:
        while piece:
            with self._change:
                self._change.wait_for(lambda: self.passed < self.limit or connected != self._connected)
                if connected != self._connected:
                    return
                size = int(min(len(piece), self.limit - self.passed))
                self.passed += size
            yield piece[:size]
            time.sleep(self.pause)
            piece = piece[size:]


@contextmanager
def sluice(upstream: str) -> Iterator[tuple[Relay, Sluice]]:
    """Open a line to a registry with a sluice in it; the relay says what things are called over it."""
    made = Sluice()
    with made.serve(upstream) as relay:
        yield relay, made
