"""An internet for tests: names resolve as a test says, and behind public addresses its own servers answer."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from ocinb.network.addresses import parse_address
from ocinb.network.dns import Network, SocketAddress

PUBLIC, OTHER_PUBLIC = "93.184.216.34", "1.1.1.1"


class Internet(Network):
    """Put it in the place of ``ocinb.network.dns.network``.

    ``names`` says what each name resolves to, each time it is asked; ``servers`` at which port of this machine an
    address answers. ``resolved`` and ``called`` remember what was asked for.
    """

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.servers: dict[str, int] = {}
        self.resolved: list[str] = []
        self.called: list[str] = []

    def serve(self, name: str, host: str, *addresses: str) -> str:
        """Let a name, at the port of a server on this machine, lead to that server; give both together."""
        port = int(host.rpartition(":")[2])
        found = self.names[name.lower()] = list(addresses or [PUBLIC])
        for address in found:
            self.servers[address] = port
        return f"{name}:{port}"

    def peers(self, host: str, port: int) -> Sequence[SocketAddress]:
        if host not in self.names:
            if parse_address(host) is None and host != "localhost":
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return super().peers(host, port)
        self.resolved.append(host)
        return [door for address in self.names[host] for door in super(Internet, self).peers(address, port)]

    def call(self, door: SocketAddress, seconds: float, options: Sequence[Any] = ()) -> socket.socket:
        address = str(door.address[0])
        self.called.append(address)
        if address in self.servers:
            return super().call(SocketAddress(socket.AF_INET, ("127.0.0.1", self.servers[address])), seconds, options)
        if door.range != "loopback":
            raise ConnectionRefusedError(111, "Connection refused")
        return super().call(door, seconds, options)
