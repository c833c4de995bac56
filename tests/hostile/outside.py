"""A registry out in the world, over TLS, and the addresses at home that it would like to reach through us."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ocinb.errors import AuthError, TransportError
from ocinb.network.dns import Network, SocketAddress
from tests.hostile.leaks import TAG
from tests.hostile.rows import Row
from tests.hostile.server import Reply
from tests.hostile.world import LARGE, World, redirecting

REGISTRY, STRANGER = "registry.test", "cdn.test"
# Addresses that are public in every list of those that are not, and that nobody here calls.
PUBLIC, PUBLIC_STRANGER = "93.184.215.14", "151.101.2.132"
HOME = {
    "private": "10.0.0.5",
    "private too": "192.168.1.1",
    "loopback": "127.0.0.1",
    "loopback elsewhere": "127.9.9.9",
    "link-local": "169.254.169.254",
    "shared": "100.64.0.1",
    "unspecified": "0.0.0.0",
    "broadcast": "255.255.255.255",
    "multicast": "224.0.0.1",
    "loopback of version 6": "::1",
    "private of version 6": "fd00::1",
    "link-local of version 6": "fe80::1",
    "private, mapped": "::ffff:10.0.0.5",
    "private, translated": "64:ff9b::a00:5",
}


@dataclass
class Outside(Network):
    """A network in which names are made up, and two public addresses lead to servers of the test."""

    ports: dict[str, int]
    names: dict[str, Sequence[Sequence[str]]] = field(default_factory=dict)  # what each question is answered
    called: list[str] = field(default_factory=list)

    def peers(self, host: str, port: int) -> Sequence[SocketAddress]:
        literal = host.strip("[]")
        said = [literal] if literal[-1].isdigit() or ":" in literal else self._told(host)
        return [
            SocketAddress(socket.AF_INET6 if ":" in address else socket.AF_INET, (address, port)) for address in said
        ]

    def call(self, door: SocketAddress, seconds: float, options: Sequence[Any] = ()) -> socket.socket:  # noqa: ARG002 - as Network
        address = door.address[0]
        self.called.append(address)
        return socket.create_connection(("127.0.0.1", self.ports[address]), timeout=seconds)

    def _told(self, host: str) -> Sequence[str]:
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        first, *rest = self.names[host]
        self.names[host] = rest or [first]
        return first


def _literal(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _redirected(host: str, scheme: str = "https") -> Callable[[World], object]:
    return lambda world: world.bend(TAG, redirecting(f"{scheme}://{host}/v2/"))


def _realm(realm: str) -> Callable[[World], object]:
    challenge = (("WWW-Authenticate", f'Bearer realm="{realm}",service="x"'),)
    return lambda world: world.bend("/v2/*", lambda _, reply: Reply(401, challenge) if reply.status == 401 else reply)


def _blob(location: str) -> Callable[[World], object]:
    return lambda world: world.bend(f"*/blobs/{LARGE.digest}", redirecting(location.format(world.stranger.host)))


def made_up_names() -> dict[str, Sequence[Sequence[str]]]:
    """Give the names, and what each question for them is answered, the last for ever."""
    names: dict[str, Sequence[Sequence[str]]] = {REGISTRY: [[PUBLIC]], STRANGER: [[PUBLIC_STRANGER]]}
    names |= {_name(place): [[address]] for place, address in HOME.items()}
    names["both.test"] = [["10.0.0.5", PUBLIC_STRANGER]]
    names["turning.test"] = [[PUBLIC_STRANGER], ["10.0.0.5"]]
    return names


def _name(place: str) -> str:
    return f"{place.replace(' ', '-').replace(',', '')}.test"


ROWS = [
    *chain.from_iterable(
        (
            Row(f"a redirect to {place}", "layers", _redirected(_literal(address)), TransportError, "refused"),
            Row(f"a redirect to a name of {place}", "layers", _redirected(_name(place)), TransportError, "refused"),
            Row(f"tokens from {place}", "layers", _realm(f"https://{_literal(address)}/token"), AuthError, "refused"),
            Row(f"tokens from a name of {place}", "layers", _realm(f"https://{_name(place)}/token"), AuthError),
        )
        for place, address in HOME.items()
    ),
    *[
        Row(f"a redirect to home in other words, {host}", "layers", _redirected(host), TransportError, "refused")
        for host in ("127.1", "2130706433", "0x7f000001", "localhost", "app.localhost", "localhost.", "10.5")
    ],
    *[
        Row(f"a redirect to home in odd words, {host}", "layers", _redirected(host), TransportError)
        for host in (
            "[fe80::1%25eth0]",
            "[::ffff:7f00:1]",
            "[2002:a00:5::1]",
            "[64:ff9b:1::a00:5]",
            "[fec0::1]",
            "[::]",
            "0177.0.0.1",
            "127.0.0.1.",
            "127.0.0.1%00.example",
            "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",  # its digits are wide ones, as a header's bytes are read
            "loc%61lhost",
            "cdn.test@127.0.0.1",
            "cdn.test\\@127.0.0.1",
            "127.0.0.1#@cdn.test",
            "127.0.0.1?@cdn.test",
        )
    ],
    Row("a redirect to a name of two faces", "layers", _redirected("both.test"), TransportError),
    Row("a redirect to a name that turns", "layers", _redirected("turning.test"), TransportError),
    Row("a redirect to a name that is not there", "layers", _redirected("nowhere.test"), TransportError),
    Row("a redirect that gives up TLS", "layers", _redirected(STRANGER, "http"), TransportError, "refused"),
    Row("a redirect that gives up TLS at home", "layers", _redirected(REGISTRY, "http"), TransportError, "refused"),
    Row("a blob that gives up TLS", "pull", _blob("http://{}/"), TransportError, "refused"),
    Row("tokens in the clear from the registry's own name", "layers", _realm(f"http://{REGISTRY}/token"), AuthError),
    Row("tokens in the clear from a stranger", "layers", _realm(f"http://{STRANGER}/token"), AuthError, "refused"),
    Row("tokens in the clear from home", "layers", _realm("http://127.0.0.1:1/token"), AuthError, "refused"),
]
