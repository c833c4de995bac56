"""A line to a registry that is as bad as a test wants it: slow, cut, silent, or with other bytes at its end."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 16 * 1024

# What is made of the bytes that come from the registry over one connection, counted from 0; its end hangs up.
Change = Callable[[int, Iterator[bytes]], Iterator[bytes]]


@dataclass
class Relay:
    """Takes calls at `host`; whatever `change` is when a call comes is what happens to its answers."""

    host: str
    upstream: str
    change: Change = lambda _, chunks: chunks
    calls: int = 0
    passed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def name(self, reference: str) -> str:
        """Give the name under which something of the registry behind is found over this line."""
        return reference.replace(self.upstream, self.host, 1)

    def talk(self, caller: socket.socket) -> None:
        with self._lock:
            number, self.calls = self.calls, self.calls + 1
        host, _, port = self.upstream.rpartition(":")
        try:
            registry = socket.create_connection((host, int(port)), timeout=120)
        except OSError:
            _close(caller)
            return
        asking = threading.Thread(target=_pass_on, args=(_chunks(caller), registry))
        asking.start()
        try:
            with suppress(OSError):  # whoever called has gone
                for chunk in self.change(number, _chunks(registry)):
                    caller.sendall(chunk)
                    self.passed += len(chunk)
        finally:
            _close(caller)
            _close(registry)
            asking.join()


def cut_after(size: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Let so many bytes pass, and hang up."""
    for chunk in chunks:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return


@contextmanager
def relaying(upstream: str) -> Iterator[Relay]:
    stop, threads = threading.Event(), list[threading.Thread]()
    callers: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)
        relay = Relay(f"127.0.0.1:{server.getsockname()[1]}", upstream)

        def accept() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    callers.append(server.accept()[0])
                    callers[-1].settimeout(None)
                    threads.append(threading.Thread(target=relay.talk, args=(callers[-1],)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield relay
        finally:
            stop.set()
            accepting.join()
            for caller in callers:
                _close(caller)
            for thread in threads:
                thread.join()


def _chunks(line: socket.socket) -> Iterator[bytes]:
    with suppress(OSError):
        while chunk := line.recv(_CHUNK):
            yield chunk


def _pass_on(chunks: Iterator[bytes], line: socket.socket) -> None:
    with suppress(OSError):
        for chunk in chunks:
            line.sendall(chunk)
        line.shutdown(socket.SHUT_WR)


def _close(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
