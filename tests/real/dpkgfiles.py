"""What dpkg put on this machine: a real Debian tree that costs no download."""

import fnmatch
import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.real.tools import run

_RECORDS = Path("/var/lib/dpkg/info")
_FIELDS = "${db:Status-Abbrev}\t${Priority}\t${Package}\t${binary:Package}\t${Pre-Depends}, ${Depends}\n"
_DEPENDENCY = re.compile(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)")


@dataclass(frozen=True)
class Package:
    identity: str
    priority: str
    needs: frozenset[str]


@cache
def installed() -> dict[str, Package]:
    rows = [row.split("\t") for row in run("dpkg-query", "-W", f"-f={_FIELDS}").decode().splitlines()]
    return {
        name: Package(identity, priority, frozenset(_DEPENDENCY.findall(needs)))
        for status, priority, name, identity, needs in rows
        if status.startswith("ii")
    }


def required() -> set[str]:
    return {name for name, package in installed().items() if package.priority == "required"}


def matching(patterns: Iterable[str]) -> set[str]:
    return {name for pattern in patterns for name in fnmatch.filter(installed(), pattern)}


def with_dependencies(names: Collection[str]) -> set[str]:
    found, new = set[str](), set(names)
    while new:
        found |= new
        new = {need for name in new for need in installed()[name].needs if need in installed()} - found
    return found


def status(names: Iterable[str]) -> bytes:
    return run("dpkg-query", "--status", *_identities(names))


def owned_paths(names: Iterable[str]) -> list[str]:
    """Return every path without its leading slash, under the name it has since /bin became /usr/bin."""
    identities = _identities(names)
    files = os.fsdecode(run("dpkg-query", "-W", "-f=${db-fsys:Files}", *identities)).splitlines()
    records = [str(path) for path in _RECORDS.iterdir() if path.stem in identities]
    paths = {_merged(line.strip()) for line in files + records}
    return sorted(path.lstrip("/") for path in paths if path != "/" and os.path.lexists(path))


def _identities(names: Iterable[str]) -> Sequence[str]:
    return sorted(installed()[name].identity for name in names)


def _merged(path: str) -> str:
    directory, _, name = path.rpartition("/")
    return "/" if name in {"", "."} else f"{_real_directory(directory)}/{name}"


@cache
def _real_directory(path: str) -> str:
    return os.path.realpath(path or "/").rstrip("/")
