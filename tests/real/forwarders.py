"""A proxy as firms have them: it alone knows where a name leads, and may want to be told a password first."""

import base64
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Forwarded:
    """A request that came to the proxy: of one over TLS it sees no more than where it goes."""

    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def everything(self) -> str:
        return f"{self.method} {self.target} {dict(self.headers)}"


@dataclass
class Forwarder:
    """Brings people to the hosts behind `names`, and nobody anywhere else."""

    host: str
    names: Mapping[str, str]
    login: tuple[str, str] | None
    requests: list[Forwarded] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where clients are told to find it, with user and password if it wants them."""
        return f"http://{':'.join(self.login)}@{self.host}" if self.login else f"http://{self.host}"

    def admits(self, headers: Mapping[str, str]) -> bool:
        basic = base64.b64encode(":".join(self.login or ()).encode()).decode()
        return self.login is None or headers.get("Proxy-Authorization") == f"Basic {basic}"

    def upstream(self, name: str) -> tuple[str, int] | None:
        host, _, port = self.names.get(name.rpartition(":")[0], "").rpartition(":")
        return (host, int(port)) if host else None


@contextmanager
def forwarding(names: Mapping[str, str], *, login: tuple[str, str] | None = None) -> Iterator[Forwarder]:
    with _Server(("127.0.0.1", 0), _Handler) as listener:
        listener.forwarder = Forwarder(f"127.0.0.1:{listener.server_port}", names, login)
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield listener.forwarder
        finally:
            listener.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    forwarder: Forwarder


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def do_CONNECT(self) -> None:
        line = self._open(self.path)
        if line is not None:
            with line:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pass_on, args=(line, self.connection))
                back.start()
                _pass_on(self.connection, line)
                back.join()
        self.close_connection = True

    def do_GET(self) -> None:
        """Ask in the clear what is asked in the clear, and end each answer by hanging up."""
        parts = urlsplit(self.path)
        line = self._open(parts.netloc if parts.port else f"{parts.netloc}:80")
        if line is not None:
            with line:
                kept = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
                asked = [f"{name}: {value}" for name, value in {**kept, "Connection": "close"}.items()]
                path = f"{parts.path}?{parts.query}" if parts.query else parts.path
                words = [f"{self.command} {path} HTTP/1.1", *asked, "", ""]
                line.sendall("\r\n".join(words).encode())
                _pass_on(line, self.connection)
        self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 - the same

    def _open(self, name: str) -> socket.socket | None:
        forwarder = self.server.forwarder
        forwarder.requests.append(Forwarded(self.command, self.path, dict(self.headers.items())))
        place = forwarder.upstream(name)
        if not forwarder.admits(dict(self.headers.items())):
            self.send_error(407)
        elif place is None:
            self.send_error(502)
        else:
            return socket.create_connection(place, timeout=120)
        return None

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's signature
        pass


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
