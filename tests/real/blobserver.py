"""The second server of a registry that sends people elsewhere for its blobs, as most that are large do."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.real.dockerregistry import Section

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Seen:
    """A request that came here."""

    path: str
    headers: Mapping[str, str]

    @property
    def everything(self) -> str:
        return f"{self.path} {dict(self.headers)}"


@dataclass
class BlobServer:
    """Gives what lies in a storage, and remembers who came; what `spoil` makes of a path's body is what is sent."""

    storage: Path
    host: str
    requests: list[Seen] = field(default_factory=list)
    status: int = 200
    spoil: Callable[[str, bytes], bytes] = lambda _, body: body

    @property
    def section(self) -> Section:
        """What a registry's configuration has to say to send people here."""
        redirect = {"name": "redirect", "options": {"baseurl": f"http://{self.host}/"}}
        return {"middleware": {"storage": [redirect]}}


@contextmanager
def serve(storage: Path) -> Iterator[BlobServer]:
    with _Server(("127.0.0.1", 0), _Handler) as listener:
        listener.blobs = BlobServer(storage, f"127.0.0.1:{listener.server_port}")
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield listener.blobs
        finally:
            listener.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    blobs: BlobServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        blobs = self.server.blobs
        blobs.requests.append(Seen(self.path, dict(self.headers.items())))
        whole = (blobs.storage / self.path.partition("?")[0].lstrip("/")).read_bytes()
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]), len(whole) - 1) if asked and asked[2] else len(whole) - 1
        part = whole[first : last + 1]
        self.send_response(206 if asked and blobs.status == 200 else blobs.status)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(whole)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        sent = blobs.spoil(self.path, part)
        self.wfile.write(sent)
        self.close_connection = len(sent) < len(part)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's signature
        pass
