"""Resolving: from a name to its addresses, and to a connection with one of them.

Both are done here, so that whoever judges an address and whoever connects to it speak of the same one.
"""

from __future__ import annotations

import ipaddress
import os
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ocinb._pool import check_stopped, woken_by
from ocinb.network.addresses import Address, Range, is_localhost, parse_address, range_of, reach

# How long a stop may wait for somebody who connects.
HEARD_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """One address at which a host can be called, as the system wants it said."""

    family: int
    address: tuple[Any, ...]

    @property
    def range(self) -> Range:
        """Where it is."""
        return range_of(self.ip)

    @property
    def ip(self) -> Address:
        """The address alone."""
        return ipaddress.ip_address(str(self.address[0]).partition("%")[0])


class Network:
    """The network that this machine is in: what a name resolves to, and a call to an address.

    Tests put another in the place of `network`, in which names and public addresses lead to servers of their own.
    """

    def peers(self, host: str, port: int) -> Sequence[SocketAddress]:
        """Resolve a name, in the order in which the system would try what it found.

        Raises
        ------
        socket.gaierror
            If there is no such name.
        """
        if parse_address(host) is not None:
            return _resolved(host, port)
        # RFC 6761: whatever lies below localhost is this machine, and no resolver has to be asked.
        return _aside("localhost" if is_localhost(host) else host, port)

    def call(self, peer: SocketAddress, seconds: float, options: Sequence[Any] = ()) -> socket.socket:
        """Connect; a stop is heard while nobody takes the call.

        Raises
        ------
        TimeoutError
            If nobody does.
        OSError
            If the other side refuses.
        """
        line = socket.socket(peer.family, socket.SOCK_STREAM)
        try:
            for option in options:
                line.setsockopt(*option)
            line.settimeout(0)
            try:
                line.connect(peer.address)
            except BlockingIOError:
                _await(line, seconds)
            line.settimeout(seconds)
        except BaseException:
            line.close()
            raise
        return line


network = Network()


@dataclass(slots=True)
class Whereabouts:
    """In which ranges hosts were seen: from where somebody who answered was speaking."""

    _seen: dict[str, frozenset[Range]] = field(default_factory=dict)

    def note(self, host: str, place: Range) -> None:
        """Remember where a host was just connected to."""
        before = self._seen.get(host, frozenset())
        if place not in before:
            self._seen[host] = before | {place}

    def reach(self, host: str | None) -> frozenset[Range]:
        """Give the ranges into which a host may lead: what is public, and its own.

        One that was seen in several ranges has none of its own: a name can be made to point inwards by whoever owns it.
        """
        named = reach(host)
        seen = self._seen.get((host or "").lower(), frozenset())
        return named | seen if len(seen) == 1 else named


def _resolved(host: str, port: int) -> list[SocketAddress]:
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return [SocketAddress(family, address) for family, _, _, _, address in found]


def _aside(host: str, port: int) -> list[SocketAddress]:
    """Resolve in a thread of its own, since a resolver that is not answered can be left, but not woken."""
    outcome: list[Any] = []
    done = threading.Event()

    def resolve() -> None:
        try:
            outcome.append(_resolved(host, port))
        except (OSError, UnicodeError) as error:
            outcome.append(error)
        done.set()

    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    with woken_by(done.set):
        while not done.wait(HEARD_SECONDS):
            check_stopped()
        check_stopped()
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    peers: list[SocketAddress] = outcome[0]
    return peers


def _await(line: socket.socket, seconds: float) -> None:
    until = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(line, selectors.EVENT_WRITE)
        while not _is_open(selector, min(seconds, HEARD_SECONDS)):
            check_stopped()
            if time.monotonic() > until:
                raise TimeoutError
    code = line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _is_open(selector: selectors.BaseSelector, seconds: float) -> bool:
    return bool(selector.select(seconds))
