"""Trust: whose certificates are believed, and which registries may do without.

Who speaks for whom is looked up at each connection, so that a setting counts from when it is set.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import certifi

from ocinb._settings import Settings
from ocinb.errors import TransportError
from ocinb.network import dns
from ocinb.network.addresses import Address, is_loopback, netloc_of, parse_address

# Where update-ca-certificates puts an authority that a company added; an interpreter that was built elsewhere looks
# elsewhere. A folder of hashed names costs nothing until a certificate is looked for in it; a bundle is read for 25 ms.
SYSTEM_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")
BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
DEFAULT_PORTS = {"http": 80, "https": 443}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Source = tuple[str, ...]  # who said it, and the file or folder; nothing for the system's own


class Trust:
    """The certificates that are believed, read once for each source of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._contexts: dict[_Source, ssl.SSLContext] = {}

    def context(self, url: str) -> ssl.SSLContext:
        """Give what a connection to a host is checked by.

        Raises
        ------
        TransportError
            If a bundle that was named is not there, or is none.
        """
        source = ("nobody",) if is_insecure(netloc_of(url), self._settings) else self._source()
        with self._lock:
            if source not in self._contexts:
                self._contexts[source] = _unchecked() if source == ("nobody",) else _checked(source)
            return self._contexts[source]

    def _source(self) -> _Source:
        if self._settings.ca_bundle is not None:
            return "ocinb.settings.ca_bundle", str(self._settings.ca_bundle)
        for variable in BUNDLE_VARIABLES:
            if os.environ.get(variable):
                return variable, os.environ[variable]
        own = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
        return tuple(part for name in own for part in (name, os.environ[name]))


def is_insecure(netloc: str, settings: Settings) -> bool:
    """Say whether a registry stands in ``settings.insecure_registries``: by host and port, or by a network it is in.

    As docker reads them: a host without a port is that host at the port of its scheme, and ``10.0.0.0/8`` a network.
    """
    return _is_named(netloc, settings) or _in_network(netloc, _networks(settings))


def networks_for(netloc: str, settings: Settings) -> tuple[Network, ...]:
    """Give the networks in which alone a host may do without TLS: none for this machine, and for who is named itself.

    Whoever answers for its name may say now that it is in one, and a moment later that it is elsewhere.
    """
    is_free = is_loopback(urlsplit(f"//{netloc}").hostname) or _is_named(netloc, settings)
    return () if is_free else _networks(settings)


def _networks(settings: Settings) -> tuple[Network, ...]:
    networks: list[Network] = []
    for entry in settings.insecure_registries:
        with suppress(ValueError):  # the others are hosts
            if "/" in entry:
                networks.append(ipaddress.ip_network(entry, strict=False))
    return tuple(networks)


def _is_named(netloc: str, settings: Settings) -> bool:
    return _plain(netloc) in {_plain(entry) for entry in settings.insecure_registries}


def _plain(netloc: str) -> str:
    name = netloc.lower().rpartition("//")[2].rstrip("/")
    for port in DEFAULT_PORTS.values():
        name = name.removesuffix(f":{port}")
    return {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}.get(name, name)


def _in_network(netloc: str, networks: Iterable[Network]) -> bool:
    if not networks:
        return False
    host = urlsplit(f"//{netloc}").hostname or ""
    return any(address in network for address in _addresses(host) for network in networks)


def _addresses(host: str) -> list[Address]:
    literal = parse_address(host)
    if literal is not None:
        return [literal]
    try:
        return [peer.ip for peer in dns.network.peers(host, 443)]
    except (OSError, ValueError):
        return []


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _checked(source: _Source) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not source:
        _load_system(context)
    for name, place in zip(source[::2], source[1::2], strict=True):
        for part in _folders(place) if name == "SSL_CERT_DIR" else [Path(place)]:
            _load(context, name, part)
    return context


def _folders(places: str) -> list[Path]:
    """Read a list of folders, as PATH is one; as OpenSSL does, pass over those that are not there, unless none is."""
    listed = [Path(place) for place in places.split(os.pathsep) if place]
    return [folder for folder in listed if folder.is_dir()] or listed


def _load_system(context: ssl.SSLContext) -> None:
    """Believe what requests believes, and what the owner of this machine does."""
    context.load_verify_locations(cafile=certifi.where())
    folders = [folder for folder in SYSTEM_FOLDERS if any(Path(folder).glob("????????.0"))]
    for folder in folders:
        context.load_verify_locations(capath=folder)
    if not folders:
        context.load_default_certs()


def _load(context: ssl.SSLContext, name: str, place: Path) -> None:
    try:
        if place.is_dir():
            context.load_verify_locations(capath=place)
        else:
            context.load_verify_locations(cafile=place)
    except OSError as error:  # ssl.SSLError is one
        said = "has no certificate in it that can be read" if isinstance(error, ssl.SSLError) else error.strerror
        hint = f"{name} has to name a file of certificates in PEM form, or a folder of them with hashed names"
        raise TransportError(f"the certificates of {name}, {place}: {said}", hint=hint) from None
