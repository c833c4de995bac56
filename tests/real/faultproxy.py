"""A proxy before a registry that understands HTTP: it passes on what it is asked, and spoils an answer as it is told.

What is spoiled is a real answer of a real registry. `tests/real/faults.py` has the ways to do it.
"""

from __future__ import annotations

import fcntl
import http.client
import io
import re
import socket
import struct
import termios
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from tests.patience import SECONDS

_BLOB = re.compile(r"/v2/.+/blobs/([^?]+)")
_RANGE = re.compile(r"bytes=(\d+)-")
_REASONS = http.client.responses
# What says how an answer went over one line, and so says nothing about the next.
# A client that hangs up first never takes the rest.
HEARD_SECONDS = 3
_OF_ONE_LINE = frozenset({"connection", "transfer-encoding", "date"})
_GOOD = frozenset({200, 206})


@dataclass(frozen=True)
class Asked:
    """A question that came; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def digest(self) -> str | None:
        """Give the blob that is fetched, if it is one."""
        found = _BLOB.fullmatch(self.path)
        return found[1] if found and self.method == "GET" else None

    @property
    def first(self) -> int:
        """Give the number of the first byte that is wanted."""
        found = _RANGE.match(self.headers.get("range", ""))
        return int(found[1]) if found else 0


@dataclass(frozen=True)
class Answer:
    """An answer that is right, or that somebody made of a right one; no length is sent but for one in the headers."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def but(self, status: int | None = None, body: bytes | None = None, **headers: str | None) -> Answer:
        """Give the same with other parts, and a length that fits; a header that is None is left out."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = self.body if body is None else body
        merged = {**self.headers, "content-length": str(len(sent)), **said}
        kept = {name: value for name, value in merged.items() if value is not None}
        return replace(self, status=status or self.status, body=sent, headers=kept)


@dataclass
class Exchange:
    """A question, the line that it came over, and what a fault can do there."""

    asked: Asked
    upstream: str
    line: socket.socket
    counted: Callable[[str, int], None]
    over: bool = False

    def answer(self, *, without: str | None = None) -> Answer:
        """Ask the registry, without one of the headers if that is wanted."""
        sent = {name: value for name, value in self.asked.headers.items() if name not in {without, "connection"}}
        registry = http.client.HTTPConnection(self.upstream, timeout=SECONDS)
        try:
            registry.request(self.asked.method, self.asked.path, headers={**sent, "Connection": "close"})
            got = registry.getresponse()
            body = got.read()
        finally:
            registry.close()
        headers = {name.lower(): value for name, value in got.getheaders() if name.lower() not in _OF_ONE_LINE}
        return Answer(got.status, headers, body)

    def head(self, answer: Answer, *, version: str = "HTTP/1.1") -> bytes:
        lines = [f"{version} {answer.status} {_REASONS.get(answer.status, 'Odd')}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def send(self, answer: Answer) -> None:
        """Answer as one has to."""
        self.line.sendall(self.head(answer))
        if self.asked.method == "HEAD":
            return
        send = self.send_body if answer.status in _GOOD else self.line.sendall
        send(answer.body)

    def send_body(self, data: bytes) -> None:
        """Send what stands for bytes of the blob; these are counted."""
        for start in range(0, len(data), 65536):
            chunk = data[start : start + 65536]
            self.line.sendall(chunk)
            self.counted(self.asked.digest or "", len(chunk))

    def hang_up(self) -> None:
        """End the line as one who has said all."""
        self.over = True

    def reset(self) -> None:
        """End the line as a router does that has forgotten it, when all that was sent has come."""
        deadline = time.monotonic() + HEARD_SECONDS
        while _unheard(self.line) and time.monotonic() < deadline:
            time.sleep(0.001)
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.over = True

    def fall_silent(self) -> None:
        """Say nothing more until the other end hangs up."""
        self.line.recv(1)
        self.over = True


Fault = Callable[[Exchange], None]


def fine(exchange: Exchange) -> None:
    """Pass the answer on as it is."""
    answer = exchange.answer()
    exchange.send(answer if exchange.asked.method == "HEAD" else answer.but())


@dataclass
class FaultProxy:
    """Takes calls at `host`; each answer with a blob is sent by what `choose` gives for its digest."""

    host: str
    upstream: str
    choose: Callable[[str], Fault] = lambda _: fine
    asked: list[Asked] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def name(self, reference: str) -> str:
        """Give the name under which something of the registry behind is found here."""
        return reference.replace(self.upstream, self.host, 1)

    def follow(self, digest: str, faults: Sequence[Fault], *, then: Fault = fine) -> None:
        """Answer for a blob by one after the other, and for all other blobs as it has to be."""
        left = defaultdict(list, {digest: list(faults)})
        self.choose = lambda of: (left[of].pop(0) if left[of] else then) if of == digest else fine

    def firsts(self, digest: str) -> list[int]:
        """Give from which byte on a blob was asked for, each time."""
        return [asked.first for asked in self.asked if asked.digest == digest]

    def talk(self, line: socket.socket) -> None:
        with suppress(OSError), line, line.makefile("rb") as heard:
            while not self._exchange(line, heard):
                pass

    def _exchange(self, line: socket.socket, heard: io.BufferedReader) -> bool:
        """Answer one question, and say whether the line is over."""
        if not heard.peek(1)[:1].isalpha():  # nothing more, or somebody who would rather speak TLS
            return True
        method, _, rest = heard.readline().decode("latin-1").partition(" ")
        said = http.client.parse_headers(heard)
        headers = {name.lower(): ", ".join(said.get_all(name, ())) for name in said}
        asked = Asked(method, rest.rpartition(" ")[0], headers)
        exchange = Exchange(asked, self.upstream, line, self._count)
        with self._lock:
            self.asked.append(asked)
            fault = self.choose(asked.digest) if asked.digest else fine
        try:
            fault(exchange)
        except (http.client.HTTPException, ConnectionError):  # the registry has gone, or who asked
            return True
        return exchange.over

    def _count(self, digest: str, size: int) -> None:
        with self._lock:
            self.sent[digest] += size


@contextmanager
def spoiling(upstream: str) -> Iterator[FaultProxy]:
    """Stand before a registry, or before another proxy."""
    stop, threads, lines = threading.Event(), list[threading.Thread](), list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        server.settimeout(0.02)
        proxy = FaultProxy(f"127.0.0.1:{server.getsockname()[1]}", upstream)

        def accept() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    line = server.accept()[0]
                    line.settimeout(None)
                    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    lines.append(line)
                    threads.append(threading.Thread(target=proxy.talk, args=(line,)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield proxy
        finally:
            stop.set()
            accepting.join()
            for line in lines:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def _unheard(line: socket.socket) -> int:
    """Count the bytes that were sent and have not come to the other end."""
    return int(struct.unpack("i", fcntl.ioctl(line, termios.TIOCOUTQ, b"\0" * 4))[0])
