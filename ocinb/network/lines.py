"""Lines: connections that call the very address that was judged, and end at a stop.

Whoever waits in a connection cannot look whether somebody has said stop; the connection is ended under it instead.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from ocinb._pool import check_stopped, woken_by
from ocinb.network import resolving
from ocinb.network.failures import CONNECT_SECONDS
from ocinb.network.heads import Head
from ocinb.network.redirects import AstrayError, astray
from ocinb.network.resolving import Door
from ocinb.network.terms import terms
from ocinb.network.trust import Network

# Routers forget a connection that nobody uses, and tell neither end: what is sent on it is lost without a word.
IDLE_SECONDS = 60.0


class Line(HTTPConnection):
    """Calls the very address that was judged, and is woken from all its waiting by a stop."""

    response_class = Head
    _line: socket.socket | None = None
    _door: Door | None = None
    _used = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether it can be used again; asked before each question."""
        return super().is_connected and time.monotonic() - self._used < IDLE_SECONDS

    def _new_conn(self) -> socket.socket:
        self.sock = self._call()
        self._line = self.sock.dup()  # TLS takes the socket itself away
        check_stopped()  # there was no line yet that a stop could have ended
        return self.sock

    def _call(self) -> socket.socket:
        try:
            doors = self._judged(resolving.network.doors(self._dns_host, self.port))
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        for last, door in enumerate(doors, start=1):
            try:
                line = resolving.network.call(door, self.timeout or CONNECT_SECONDS, self.socket_options or ())
            except OSError as error:
                if last == len(doors):
                    raise _not_taken(self, error) from error
                continue
            self._door = door
            terms.get().whereabouts.note(self.host.lower(), door.range)
            return line
        raise NewConnectionError(self, f"{self.host} has no address")

    def _judged(self, doors: Sequence[Door]) -> list[Door]:
        found = _open_doors(self.host, doors)
        return found if self._is_checked() else _doors_within(self.host, found, terms.get().open_in)

    def _is_checked(self) -> bool:
        return False

    def connect(self) -> None:
        """Call, and agree on TLS where that is spoken."""
        try:
            with woken_by(self._hang_up):
                super().connect()
        finally:
            if self._line is not None:
                self._line.close()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.shutdown(socket.SHUT_RDWR)

    def request(self, *arguments: Any, **options: Any) -> None:
        """Send a question, if who asks may go where this leads."""
        if self._door is not None:
            # A line that was made for somebody who may go there is none for somebody who may not.
            self._judged([self._door])
        self._used = time.monotonic()
        super().request(*arguments, **options)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3 itself
        """Wait for the answer, or a stop."""
        with woken_by(partial(self.sock.shutdown, socket.SHUT_RDWR)):
            return super().getresponse()


class SecureLine(Line, HTTPSConnection):
    """The same over TLS."""

    def _is_checked(self) -> bool:
        return self.ssl_context is not None and self.ssl_context.verify_mode == ssl.CERT_REQUIRED

    def connect(self) -> None:
        """Call and agree on TLS."""
        super().connect()
        self.is_verified = True  # or in insecure_registries: its owner knows, and needs no warning at each connection


def _open_doors(host: str, doors: Sequence[Door]) -> list[Door]:
    """Leave out the addresses to which the host that led here may not lead.

    Raises
    ------
    AstrayError
        If none is left.
    """
    reach = terms.get().reach
    if reach is None:
        return list(doors)
    found = [door for door in doors if door.range in reach]
    if doors and not found:
        raise astray(host, doors[0].range)
    return found


def _doors_within(host: str, doors: list[Door], networks: tuple[Network, ...]) -> list[Door]:
    """Leave out the addresses at which a host may not be called in the clear.

    Raises
    ------
    AstrayError
        If none is left.
    """
    found = [door for door in doors if not networks or any(door.ip in network for network in networks)]
    if doors and not found:
        where = ", ".join(map(str, networks))
        raise AstrayError(f"{host} is at {doors[0].ip}, and insecure_registries lets it do without TLS in {where} only")
    return found


def _not_taken(connection: Line, error: OSError) -> Exception:
    if isinstance(error, TimeoutError):
        return ConnectTimeoutError(connection, "nobody takes the call")
    return NewConnectionError(connection, f"{error.strerror or error}")
