"""Servers that no registry should be: raw sockets that say what a test tells them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ocinb.sources.registry import RegistrySource
from ocinb.sources.session import default_session, open_source
from ocinb.spec.reference import Reference

Talk = Callable[[socket.socket], None]


@contextmanager
def listening(talk: Talk | None = None) -> Iterator[str]:
    """Run a server whose every connection is handed to a function; without one it accepts and says nothing."""
    stop = threading.Event()
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                connections.append(server.accept()[0])
                if stop.is_set():
                    return
                if talk is not None:
                    threads.append(threading.Thread(target=converse, args=(connections[-1], talk)))
                    threads[-1].start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            socket.create_connection(server.getsockname()).close()  # who accepts waits for a call, and for nothing else
            threads[0].join()
            for connection in connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
            for thread in threads:
                thread.join()


def converse(connection: socket.socket, talk: Talk) -> None:
    with suppress(OSError), connection:
        talk(connection)


def hang_up(connection: socket.socket) -> None:
    connection.recv(1)


def saying(raw: bytes) -> Talk:
    """Make a server that answers each request, and each greeting in TLS, by the same bytes and hangs up."""

    def talk(connection: socket.socket) -> None:
        heard = b""
        while b"\r\n\r\n" not in heard and not heard.startswith(b"\x16"):
            heard += connection.recv(65536)
        connection.sendall(raw)

    return talk


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def open_host(host: str) -> RegistrySource:
    """Give the repository of a server that is taken for a registry."""
    source = open_source(Reference(f"{host}/demo/shop"), session=default_session())
    assert isinstance(source, RegistrySource)
    return source
