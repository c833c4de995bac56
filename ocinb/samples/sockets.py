"""The socket under the embedded registry: threads and connections, all of which end when the registry is closed."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ocinb.samples.exchange import Answer, Delivery, Request

logger = logging.getLogger(__name__)

_CHUNK = 64 * 1024
_CHUNKS_PER_SECOND = 20


class SocketServer(ThreadingHTTPServer):
    """An HTTP server on loopback, with a port of its own and one thread for each connection.

    Parameters
    ----------
    deliver
        Says what is answered to a request, and how; called from many threads.
    """

    daemon_threads = True
    # A fan-out opens many connections at once; with the default of 5 some of them wait for a second.
    request_queue_size = 128

    def __init__(self, deliver: Callable[[Request], Delivery]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.deliver = deliver
        self._closing = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._acceptor = threading.Thread(target=self._accept, name="sample-registry", daemon=True)

    @property
    def is_closed(self) -> bool:
        """Whether it has been stopped."""
        return self._closing.is_set()

    def start(self) -> None:
        """Answer from now on."""
        self._acceptor.start()

    def stop(self) -> None:
        """End the acceptor, then every connection; unlike its parents, which leave those to their clients."""
        if self.is_closed:
            return
        self._closing.set()
        socket.create_connection(self.socket.getsockname()).close()  # it waits for a call, and looks up at none else
        self._acceptor.join()
        for thread, connection in list(self._connections.items()):
            # Its own thread may have closed it in this moment.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
        self.server_close()

    def _accept(self) -> None:
        while not self.is_closed:
            self.handle_request()

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002 - as socketserver calls it
        """Take no calls while closing, as the one that wakes who waits for calls."""
        return not self.is_closed

    def pause(self, seconds: float) -> bool:
        """Wait, but not beyond the end of the server; say whether it goes on."""
        return not self._closing.wait(max(seconds, 0))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, and remember both."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end, and forget it."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._connections[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """Note that a connection broke; that the client went away is nothing to shout about."""
        gone = isinstance(sys.exception(), ConnectionError)
        logger.log(logging.DEBUG if gone else logging.ERROR, "connection with %s broke", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: SocketServer
    protocol_version = "HTTP/1.1"
    server_version = "ocinb-samples"
    sys_version = ""
    # With Nagle's algorithm a request on a kept-alive connection takes 44 ms instead of 0.8 ms.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        request = Request(self.command, self.path, dict(self.headers.items()))
        delivery = self.server.deliver(request)
        if not self.server.pause(delivery.delay) or delivery.drop:
            self.close_connection = True
            return
        self._send_head(delivery.answer)
        if self.command != "HEAD" and not delivery.answer.is_bodiless:
            self._send_body(delivery)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server looks for these names

    def _send_head(self, answer: Answer) -> None:
        headers = answer.all_headers()
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        is_endless = not answer.is_bodiless and "content-length" not in {name.lower() for name in headers}
        # The body of a refused upload is never read, so the next request could not be told from it.
        if is_endless or self.command not in {"GET", "HEAD"}:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_body(self, delivery: Delivery) -> None:
        body = memoryview(delivery.answer.body)[: delivery.cut]
        if delivery.bandwidth is None:
            self.wfile.write(body)
        else:
            self._trickle(body, delivery.bandwidth)
        if delivery.cut is not None:
            self.close_connection = True

    def _trickle(self, body: memoryview, bandwidth: float) -> None:
        size = max(1, min(_CHUNK, int(bandwidth / _CHUNKS_PER_SECOND)))
        due = time.monotonic()
        for start in range(0, len(body), size):
            self.wfile.write(chunk := body[start : start + size])
            now = time.monotonic()
            due = max(due + len(chunk) / bandwidth, now)  # a line that was held up makes up for nothing
            if not self.server.pause(due - now):
                self.close_connection = True
                return

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - http.server's signature
        logger.debug(format, *arguments)
