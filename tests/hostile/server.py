"""A server that says anything, byte by byte if need be, and writes down all that it hears."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ocinb.samples.http import Answer, Request
from tests.sources.servers import listening

TLS_GREETING = b"\x16"


@dataclass(frozen=True)
class Reply:
    """What is said: headers as they stand, twice if they stand twice, and a length that need not be true.

    With ``raw`` it is that, word for word; with ``cut`` the connection ends after so many bytes of the body.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    length: str | None = None
    cut: int | None = None
    raw: bytes | None = None

    @classmethod
    def of(cls, answer: Answer) -> Reply:
        """Say what the embedded registry says."""
        headers = {name: value for name, value in answer.headers.items() if value is not None}
        return cls(answer.status, tuple(headers.items()), answer.body)

    def with_headers(self, **headers: str | None) -> Reply:
        """Put headers in the place of others; None takes one away."""
        changed = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        kept = tuple((name, value) for name, value in self.headers if name.lower() not in changed)
        new = tuple((name, value) for name, value in changed.items() if value is not None)
        return Reply(self.status, kept + new, self.body, self.length, self.cut)

    def spoken(self, method: str) -> bytes:
        """Give the bytes that go over the wire."""
        if self.raw is not None:
            return self.raw
        length = str(len(self.body)) if self.length is None else self.length
        said = [*self.headers, ("Content-Length", length)] if length else list(self.headers)
        lines = [f"HTTP/1.1 {self.status} Said", *(f"{name}: {value}" for name, value in said)]
        head = "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"
        body = self.body if self.cut is None else self.body[: self.cut]
        return head + (b"" if method == "HEAD" else body)

    @property
    def is_last(self) -> bool:
        """Whether nothing can follow it on the same connection."""
        return self.raw is not None or self.length is not None or self.cut is not None


@dataclass
class Server:
    """Where it listens, and what it heard."""

    host: str
    heard: list[Request] = field(default_factory=list)
    spoken_to: bytes = b""  # every byte that ever came in
    scheme: str = "http"

    @property
    def base(self) -> str:
        """The URL of its root."""
        return f"{self.scheme}://{self.host}"


@contextmanager
def serving(answer: Callable[[Request], Reply], *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server whose answers a function decides."""
    ready = threading.Event()
    lock = threading.Lock()
    secured: list[ssl.SSLSocket] = []  # TLS takes the socket itself away from those who would wake it

    def talk(connection: socket.socket) -> None:
        ready.wait()
        if tls is None:
            converse(connection)
        else:
            with suppress(ssl.SSLError), tls.wrap_socket(connection, server_side=True) as secure:
                secured.append(secure)
                converse(secure)

    def converse(connection: socket.socket) -> None:
        rest = b""
        while True:
            while b"\r\n\r\n" not in rest:
                came = connection.recv(65536)
                if not came or came.startswith(TLS_GREETING):
                    return
                rest += came
            head, _, rest = rest.partition(b"\r\n\r\n")
            with lock:
                server.spoken_to += head
            request = _parsed(head)
            while len(rest) < int(request.header("Content-Length") or 0):
                rest += connection.recv(65536)
            with lock:
                server.spoken_to += rest
                server.heard.append(request)
            rest = b""
            reply = answer(request)
            connection.sendall(reply.spoken(request.method))
            if reply.is_last:
                return

    with listening(talk) as host:
        server = Server(host, scheme="http" if tls is None else "https")
        ready.set()
        try:
            yield server
        finally:
            for line in secured:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)


def _parsed(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, path, headers)
