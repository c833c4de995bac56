"""Peers: the programs of others that races are run against, which of them are here, and in which version."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Peer:
    """A program that somebody else wrote.

    Parameters
    ----------
    name
        Of the program.
    package
        Debian's package that has it.
    """

    name: str
    package: str

    @cached_property
    def version(self) -> str | None:
        """What it says of itself, or None if it is not here."""
        if shutil.which(self.name) is None:
            return None
        done = subprocess.run([self.name, "--version"], capture_output=True, text=True, check=False, timeout=30)
        said = (done.stdout or done.stderr).splitlines()
        return said[0] if said else "of an unknown version"


SKOPEO = Peer("skopeo", package="skopeo")
DOCKER_REGISTRY = Peer("docker-registry", package="docker-registry")
DPKG = Peer("dpkg-query", package="dpkg")


def missing(peers: Iterable[Peer]) -> list[Peer]:
    """Give those that are not here."""
    return [peer for peer in peers if peer.version is None]


def told(peers: Iterable[Peer]) -> str:
    """Say of each peer its version, or how it can be had."""
    return "\n".join(
        f"  {peer.version}"
        if peer.version
        else f"  {peer.name} is missing (Debian: apt-get install {peer.package}); what needs it is left out"
        for peer in peers
    )
